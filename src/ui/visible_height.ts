/**
 * Keeps `--visible-height` at the height that a phone's keyboard leaves: Safari lays the keyboard over
 * the page without making it smaller.
 */
export function followVisibleHeight(root: HTMLElement): void {
  const viewport = globalThis.visualViewport;
  if (!viewport) return;
  const follow = () => {
    // While somebody has zoomed in, the visible part says nothing about the room there is.
    if (viewport.scale > 1.01) return;
    root.style.setProperty("--visible-height", `${viewport.height}px`);
  };
  viewport.addEventListener("resize", follow);
  follow();
}
