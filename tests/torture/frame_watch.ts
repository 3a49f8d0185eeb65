import type { ServerFrame } from "../../src/protocol/frames.ts";

/**
 * Holds what one socket is sent against docs/protocol.md: `welcome` or an error comes first, and
 * from the position of `welcome` or `reset` on, positions come in order, without gaps and never
 * twice. The typed client would hide a position that comes twice.
 */
export class FrameWatch {
  readonly #complain: (fault: string) => void;
  #position: number | null = null;
  #last = "nothing";

  constructor(complain: (fault: string) => void) {
    this.#complain = complain;
  }

  take(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        if (this.#position !== null) this.#complain(`a second welcome, after ${this.#last}`);
        this.#position = frame.position;
        break;
      case "reset":
        this.#position = frame.position;
        break;
      case "message":
      case "changed":
        if (this.#position === null) this.#complain(`position ${frame.position} before welcome`);
        else if (frame.position !== this.#position + 1) {
          this.#complain(
            `position ${frame.position} after ${this.#position} (the frame before: ${this.#last})`,
          );
        }
        this.#position = frame.position;
    }
    this.#last = frame.type;
  }
}
