import { type ErrorCode, ERRORS } from "../../protocol/codes.ts";
import type { Texts } from "./texts.ts";

/** The page in English. */
export const english: Texts = {
  languageName: "English",
  appName: "Maru",
  tagline: "The wooden hall in the middle of the house. Come in, sit down, talk.",
  errors: { ...catalogue(), unreachable: "The server cannot be reached right now" },
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

function catalogue(): Record<ErrorCode, string> {
  const entries = Object.entries(ERRORS).map(([code, { text }]) => [code, text]);
  return Object.fromEntries(entries);
}
