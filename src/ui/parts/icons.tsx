import type { ComponentChildren, JSX } from "preact";

/** The floor of a maru: long beams with short boards between them. */
export function FloorMark(): JSX.Element {
  return (
    <svg class="floor-mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect class="floor-mark-board" width="32" height="32" rx="7" />
      <path class="floor-mark-beam" d="M9 0h3.5v32H9zM19.5 0H23v32h-3.5z" />
      <path
        class="floor-mark-joint"
        d="M1 11.5h8M1 22.5h8M12.5 6h7M12.5 17h7M12.5 28h7M23 11.5h8M23 22.5h8"
      />
    </svg>
  );
}

/** An arrow to the left. */
export function BackIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M15 5l-7 7 7 7" />
    </Icon>
  );
}

/** An arrow to the right. */
export function GoIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M9 5l7 7-7 7" />
    </Icon>
  );
}

/** An arrow down. */
export function DownIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M12 5v14M6 13l6 6 6-6" />
    </Icon>
  );
}

/** An arrow up: send. */
export function SendIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M12 19V5M6 11l6-6 6 6" />
    </Icon>
  );
}

/** An arrow that turns back: answer. */
export function AnswerIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M9 6l-5 5 5 5M4 11h9a7 7 0 0 1 7 7v1" />
    </Icon>
  );
}

/** A cross: close. */
export function CloseIcon(): JSX.Element {
  return (
    <Icon>
      <path d="M6 6l12 12M18 6L6 18" />
    </Icon>
  );
}

function Icon({ children }: { children: ComponentChildren }): JSX.Element {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{children}</svg>;
}
