import type { ErrorCode } from "../../protocol/codes.ts";

/** What can go wrong as a page sees it: a refusal by its code, or no answer at all. */
export type Trouble = ErrorCode | "unreachable";

/** Every text of the page, in one language. */
export interface Texts {
  /** The name of the language in itself. */
  readonly languageName: string;
  readonly appName: string;
  readonly tagline: string;
  readonly errors: Readonly<Record<Trouble, string>>;
  readonly tryAgain: string;
  readonly cancel: string;
  readonly save: string;

  readonly rooms: string;
  readonly findRoom: string;
  readonly roomName: string;
  readonly enter: string;
  readonly openRoom: string;
  readonly roomIsNew: (name: string) => string;
  readonly roomNameRule: string;
  readonly roomNameSuggestion: (name: string) => string;
  readonly noRooms: string;
  readonly noMatchingRooms: string;
  readonly moreRooms: string;
  readonly messageCount: (count: number) => string;
  readonly noMessagesYet: string;

  readonly backToRooms: string;
  readonly conversation: (room: string) => string;
  readonly beginning: (room: string) => string;
  readonly earlier: string;
  readonly loading: string;
  readonly today: string;
  readonly yesterday: string;
  readonly newMessages: (count: number) => string;
  readonly toNewest: string;
  readonly edited: string;
  readonly deleted: string;
  readonly answerTo: (name: string) => string;
  readonly answer: (name: string) => string;
  readonly answering: (name: string) => string;
  readonly cancelAnswer: string;

  readonly yourMessage: string;
  readonly writeHere: string;
  readonly send: string;
  readonly sendHint: string;
  readonly charactersLeft: (count: number) => string;
  readonly sending: string;
  readonly waiting: string;
  readonly notSent: string;
  readonly resend: string;
  readonly discard: string;

  readonly you: string;
  readonly yourName: string;
  readonly rename: (name: string) => string;
  readonly nameRule: string;

  readonly connecting: string;
  readonly reconnecting: string;
  readonly offline: string;
  readonly pendingWait: (count: number) => string;
  readonly closed: string;
}
