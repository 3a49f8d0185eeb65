import type { ComponentChildren, JSX } from "preact";
import { Avatar } from "../parts/avatar.tsx";
import { AnswerIcon } from "../parts/icons.tsx";
import type { Language } from "../language/language.ts";
import { formatFull, formatTime } from "../times.ts";
import { excerpt } from "./excerpt.ts";
import { linkify } from "./linkify.ts";
import type { MessageRow } from "./timeline.ts";

/** What {@linkcode MessageView} shows. */
export interface MessageViewProps {
  readonly row: MessageRow;
  readonly language: Language;
  /** Whether there is no connection on which a message could leave. */
  readonly waiting: boolean;
  /** Whether it can be answered: `stop` where the tabulator key gets to, `arrows` where arrow keys do. */
  readonly answerable: "stop" | "arrows" | false;
  readonly onAnswer: () => void;
  readonly onResend: () => void;
  readonly onDiscard: () => void;
}

/** One message, stored or on its way. */
export function MessageView(props: MessageViewProps): JSX.Element {
  const { row, language } = props;
  const texts = language.texts.value;
  const full = formatFull(row.date, language.locale);
  return (
    <li
      class="message"
      data-row={row.key}
      data-seq={row.message?.seq}
      data-mine={row.mine}
      data-starts={row.startsGroup}
      data-state={row.entry?.state ?? "stored"}
    >
      {row.startsGroup && (
        <p class="sender">
          {!row.mine && <Avatar person={row.sender} />}
          <span class={row.mine ? "hidden" : ""}>{row.mine ? texts.you : row.sender.name}</span>
        </p>
      )}
      <div class="line">
        <div class="bubble" title={full}>
          {row.answers && (
            <blockquote aria-label={texts.answerTo(row.answers.sender.name)}>
              <b>{row.answers.sender.name}</b> {excerpt(row.answers.message) || texts.deleted}
            </blockquote>
          )}
          {row.message?.deleted_at
            ? <p class="text deleted">{texts.deleted}</p>
            : <p class="text">{linked(row.text)}</p>}
        </div>
        {row.message && props.answerable && <Answer {...props} />}
        <p class="facts">
          {row.message?.edited_at && !row.message.deleted_at && <span>{texts.edited}</span>}
          {row.entry && row.entry.state !== "sent"
            ? <Delivery {...props} />
            : row.endsGroup && (
              <time dateTime={row.date.toISOString()} title={full}>
                {formatTime(row.date, language.locale)}
              </time>
            )}
        </p>
      </div>
    </li>
  );
}

function Answer({ row, language, answerable, onAnswer }: MessageViewProps): JSX.Element {
  const label = language.texts.value.answer(row.sender.name);
  return (
    <button
      type="button"
      class="quiet answer"
      tabIndex={answerable === "stop" ? 0 : -1}
      title={label}
      aria-label={`${label}: ${excerpt(row.text)}`}
      onClick={onAnswer}
    >
      <AnswerIcon />
    </button>
  );
}

function Delivery({ row, language, waiting, onResend, onDiscard }: MessageViewProps): JSX.Element {
  const texts = language.texts.value;
  const { state, code, unsure } = row.entry!;
  if (state === "failed") {
    return (
      <span class="wrong" role="alert">
        {texts.notSent}
        {code && <>: {texts.errors[code]}</>}
        <span class="choices">
          <button type="button" class="link" onClick={onResend}>{texts.resend}</button>
          <button type="button" class="link" onClick={onDiscard}>{texts.discard}</button>
        </span>
      </span>
    );
  }
  return (
    <span class="pending" title={code ? texts.errors[code] : undefined}>
      {waiting || code ? texts.waiting : texts.sending}
      {!unsure && <button type="button" class="link" onClick={onDiscard}>{texts.discard}</button>}
    </span>
  );
}

function linked(text: string): ComponentChildren {
  return linkify(text).map((part, index) =>
    part.href
      ? <a key={index} href={part.href} target="_blank" rel="noopener noreferrer">{part.text}</a>
      : part.text
  );
}
