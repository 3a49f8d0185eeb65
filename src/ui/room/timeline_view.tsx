import { Component, createRef, type JSX, type TargetedKeyboardEvent } from "preact";
import { DownIcon } from "../parts/icons.tsx";
import type { Message } from "../../protocol/frames.ts";
import type { Language } from "../language/language.ts";
import { formatDay } from "../times.ts";
import type { ChatRoom } from "./chat_room.ts";
import { MessageView } from "./message_view.tsx";
import { ScrollKeeper, type ScrollMark } from "./scroll_keeper.ts";
import { type Row, timelineRows } from "./timeline.ts";

/** Closer to the beginning than this, in pixels, the page before is loaded. */
const LOAD_OLDER_WITHIN_PX = 600;

/** What {@linkcode TimelineView} shows. */
export interface TimelineViewProps {
  readonly room: ChatRoom;
  readonly language: Language;
  readonly onAnswer: (message: Message) => void;
}

/**
 * The conversation. A class, because only a class is asked for the place just before its rows change
 * and told just after.
 */
export class TimelineView extends Component<TimelineViewProps> {
  readonly #view = createRef<HTMLDivElement>();
  #keeper: ScrollKeeper | null = null;
  #observer: ResizeObserver | null = null;
  #newestOwn = "";

  override componentDidMount(): void {
    const view = this.#view.current!;
    const keeper = this.#keeper = new ScrollKeeper(view);
    keeper.toEnd();
    // The keyboard of a phone, a growing message field or a turned screen takes room from the end.
    this.#observer = new ResizeObserver(() => keeper.atEnd && keeper.toEnd());
    this.#observer.observe(view);
  }

  override getSnapshotBeforeUpdate(): ScrollMark {
    return this.#keeper?.mark() ?? "end";
  }

  override componentDidUpdate(_props: unknown, _state: unknown, mark: ScrollMark): void {
    const newestOwn = this.props.room.outbox.peek().at(-1)?.id ?? this.#newestOwn;
    const sent = newestOwn !== this.#newestOwn;
    this.#newestOwn = newestOwn;
    this.#keeper?.restore(sent ? "end" : mark);
    this.#moved();
  }

  override componentWillUnmount(): void {
    this.#observer?.disconnect();
  }

  override render(): JSX.Element {
    const { room, language } = this.props;
    const texts = language.texts.value;
    const messages = room.log.messages.value;
    const rows = timelineRows({ messages, outbox: room.outbox.value, you: room.you.value });
    const loading = room.status.value.state === "idle" && room.refused.value === null;
    const newest = rows.findLast(isAnswerable);
    return (
      <div class="timeline">
        <div
          ref={this.#view}
          class="timeline-view"
          role="log"
          tabIndex={0}
          aria-label={texts.conversation(room.name)}
          aria-busy={loading || room.older.value === "loading"}
          onScroll={() => this.#moved()}
        >
          {loading ? <p class="timeline-start">{texts.loading}</p> : this.#start()}
          <ol class="rows" onKeyDown={moveAmongAnswers}>
            {rows.map((row) => this.#row(row, row === newest))}
          </ol>
        </div>
        {this.#toNewest()}
      </div>
    );
  }

  #row(row: Row, newest: boolean): JSX.Element {
    const { room, language, onAnswer } = this.props;
    if (row.kind === "message") {
      return (
        <MessageView
          key={row.key}
          row={row}
          language={language}
          waiting={room.status.value.state !== "open"}
          answerable={room.ready && isAnswerable(row) && (newest ? "stop" : "arrows")}
          onAnswer={() => row.message && onAnswer(row.message)}
          onResend={() => row.entry && room.resend(row.entry.id)}
          onDiscard={() => row.entry && room.discard(row.entry.id)}
        />
      );
    }
    return (
      <li key={row.key} class="day">
        <span>{formatDay(row.date, new Date(), language.locale, language.texts.value)}</span>
      </li>
    );
  }

  #start(): JSX.Element | null {
    const { room, language } = this.props;
    const texts = language.texts.value;
    const older = room.older.value;
    if (!room.log.hasOlder.value) {
      return room.refused.value ? null : <p class="timeline-start">{texts.beginning(room.name)}</p>;
    }
    if (older === "loading") return <p class="timeline-start">{texts.loading}</p>;
    return (
      <p class="timeline-start">
        {older !== "idle" && <span class="wrong">{texts.errors[older]}</span>}{" "}
        <button type="button" class="link" onClick={() => void room.loadOlder()}>
          {older === "idle" ? texts.earlier : texts.tryAgain}
        </button>
      </p>
    );
  }

  #toNewest(): JSX.Element | null {
    const { room, language } = this.props;
    const texts = language.texts.value;
    if (room.reading.atEnd.value) return null;
    const unseen = room.reading.unseen.value;
    const label = unseen > 0 ? texts.newMessages(unseen) : texts.toNewest;
    const toEnd = () => {
      this.#keeper?.toEnd();
      this.#moved();
    };
    return (
      <button
        type="button"
        class="to-newest"
        data-unseen={unseen > 0}
        aria-label={label}
        title={label}
        onClick={toEnd}
      >
        {unseen > 0 && label}
        <DownIcon />
      </button>
    );
  }

  #moved(): void {
    const view = this.#view.current;
    if (!view || !this.#keeper) return;
    const { room } = this.props;
    room.reading.moved(this.#keeper.moved());
    // What failed waits for somebody to ask again.
    if (view.scrollTop < LOAD_OLDER_WITHIN_PX && room.older.peek() === "idle") {
      void room.loadOlder();
    }
  }
}

function isAnswerable(row: Row): boolean {
  return row.kind === "message" && row.message !== undefined && !row.message.deleted_at;
}

// The tabulator key would take a press for each of hundreds of messages: it stops at the newest, and
// the arrow keys go on from there.
function moveAmongAnswers(event: TargetedKeyboardEvent<HTMLElement>): void {
  const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>(".answer")];
  const at = buttons.indexOf(event.target as HTMLElement);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  buttons[to]?.focus();
}
