import type { TaskBoard } from "../task_board.ts";
import { OperatorConsumer, type OperatorConsumerOptions } from "./operator_consumer.ts";

/** Shows an operator background work, live. */
export class TaskBoardConsumer extends OperatorConsumer {
  readonly #board: TaskBoard;

  constructor(board: TaskBoard, options: OperatorConsumerOptions) {
    super(options);
    this.#board = board;
  }

  protected override opened(): void {
    this.#board.watch((text) => this.send(text), this.left);
  }
}
