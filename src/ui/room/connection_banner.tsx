import type { ComponentChildren, JSX } from "preact";
import { usePage } from "../parts/page.ts";
import type { ChatRoom } from "./chat_room.ts";

/** Says that the room is not live at the moment, and what becomes of what one writes. */
export function ConnectionBanner({ room }: { room: ChatRoom }): JSX.Element {
  const { language, online } = usePage();
  const texts = language.texts.value;
  const { state } = room.status.value;
  const refused = room.refused.value;
  const trouble = room.trouble.value;
  const pending = room.outbox.value.filter((entry) => entry.state === "pending").length;
  const retry = (
    <button type="button" class="link" onClick={() => room.wake()}>{texts.tryAgain}</button>
  );

  if (refused) {
    return <Banner kind="refused">{texts.closed} {texts.errors[refused]}</Banner>;
  }
  if (state === "idle" && trouble) {
    return <Banner kind="lost">{texts.errors[trouble]} {retry}</Banner>;
  }
  if (state === "waiting" || state === "connecting") {
    return (
      <Banner kind="lost">
        {!online.value ? texts.offline : room.wasLive ? texts.reconnecting : texts.connecting}{" "}
        {texts.pendingWait(pending)} {state === "waiting" && retry}
      </Banner>
    );
  }
  return <Banner kind="none" />;
}

function Banner({ kind, children }: BannerProps): JSX.Element {
  // Always there, since a reader's software announces what changes inside, not what appears.
  return <div class="banner" data-kind={kind} role="status">{children && <p>{children}</p>}</div>;
}

interface BannerProps {
  readonly kind: "none" | "lost" | "refused";
  readonly children?: ComponentChildren;
}
