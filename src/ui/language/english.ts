import type { Texts } from "./texts.ts";

/** The page in English. */
export const english: Texts = {
  languageName: "English",
  appName: "Maru",
  tagline: "The wooden hall in the middle of the house. Come in, sit down, talk.",
  errors: {
    bad_frame: "This page and the server do not understand each other. Reload the page",
    frame_too_large: "This is too large to send",
    invalid: "Something in this is not right. Check it and try again",
    message_empty: "This message is empty: write something first",
    message_too_long: "This message is longer than 8,000 characters",
    message_ill_formed:
      "This message has a character that cannot be sent. Take it out and try again",
    id_conflict: "It was mixed up with another message. Send it again",
    no_such_reply: "The message that it answers is not there",
    room_name_invalid: "A room's name is made of letters, digits, - and _, up to 100",
    no_such_room: "There is no such room",
    not_signed_in: "Sign in to enter this room",
    not_allowed: "You do not have permission",
    origin_refused: "This site may not connect to the chat",
    rate_limited: "That was too fast. Wait a moment",
    out_of_order: "Waits for the message before it to be sent",
    busy: "The server is busy right now",
    unknown: "It is not known yet whether this was sent. Asking again",
    database_unavailable: "The chat is not available right now",
    going_away: "The server is restarting",
    too_slow: "The connection was too slow",
    too_many_sockets: "Too many people are connected right now. Try again later",
    not_operator: "This is for whoever runs this server. Sign in first",
    wrong_state: "This is no longer possible: it has changed meanwhile",
    not_found: "There is nothing here",
    too_large: "This is too large to send",
    internal: "Something went wrong on the server",
    unreachable: "The server cannot be reached right now",
  },
  tryAgain: "Try again",
  cancel: "Cancel",
  save: "Save",

  rooms: "Rooms",
  findRoom: "Find a room, or open a new one",
  roomName: "Room name",
  enter: "Enter",
  openRoom: "Open",
  roomIsNew: (name) => `There is no room called ${name} yet.`,
  roomNameRule: "Letters and digits of any script, - and _, without spaces, up to 100.",
  roomNameSuggestion: (name) => `Use ${name}`,
  noRooms: "Nobody has opened a room yet. Give one a name and invite the others in.",
  noMatchingRooms: "No room has this in its name.",
  moreRooms: "More rooms",
  messageCount: (count) => count === 1 ? "1 message" : `${count.toLocaleString("en")} messages`,
  noMessagesYet: "No messages yet",

  backToRooms: "Back to the rooms",
  conversation: (room) => `Conversation in ${room}`,
  beginning: (room) => `This is where ${room} begins.`,
  earlier: "Earlier messages",
  loading: "Loading…",
  today: "Today",
  yesterday: "Yesterday",
  newMessages: (count) =>
    count === 1 ? "1 new message" : `${count.toLocaleString("en")} new messages`,
  toNewest: "To the newest",
  edited: "edited",
  deleted: "This message was deleted",
  answerTo: (name) => `In answer to ${name}`,
  answer: (name) => `Reply to ${name}`,
  answering: (name) => `Replying to ${name}`,
  cancelAnswer: "Cancel the reply",

  yourMessage: "Your message",
  writeHere: "Write a message",
  send: "Send",
  sendHint: "Enter sends, Shift and Enter begins a new line",
  charactersLeft: (count) =>
    count < 0
      ? `${-count} too many`
      : count === 1
      ? "1 character left"
      : `${count} characters left`,
  sending: "Sending…",
  waiting: "Waiting",
  notSent: "Not sent",
  resend: "Send again",
  discard: "Discard",

  you: "You",
  yourName: "Your name",
  rename: (name) => `You are ${name}. Change your name`,
  nameRule: "1 to 40 characters. Messages that you wrote before keep the name they had.",

  connecting: "Connecting…",
  reconnecting: "The connection was lost. Trying again…",
  offline: "You are offline.",
  pendingWait: (count) =>
    count === 0
      ? "What you write now is sent as soon as you are back."
      : count === 1
      ? "1 message waits and is sent as soon as you are back."
      : `${count} messages wait and are sent as soon as you are back.`,
  closed: "This room is closed to you.",
};
