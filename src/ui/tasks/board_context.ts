import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Signal } from "@preact/signals";
import type { TaskJobSummary } from "../../protocol/task_bodies.ts";
import type { OperatorApi } from "../operator/operator_api.ts";
import type { TaskBoard } from "./task_board.ts";

/** What every part of the page of background work can use. */
export interface BoardParts {
  readonly board: TaskBoard;
  readonly api: OperatorApi;
  /** Now, by the server's clock, in ms; a new value every second. */
  readonly now: Signal<number>;
  /** Asks whether to cancel a job. */
  readonly askToCancel: (job: TaskJobSummary) => void;
}

/** Hands them down. */
export const BoardContext = createContext<BoardParts | null>(null);

/** What the part that calls it can use. */
export function useBoard(): BoardParts {
  const parts = useContext(BoardContext);
  if (!parts) throw new Error("Cannot render a part: it is outside of the board");
  return parts;
}
