import assert from "node:assert/strict";
import { Api, type Room } from "../../src/client/mod.ts";
import { RoomList } from "../../src/ui/lobby/room_list.ts";

function room(name: string): Room {
  return { name, created_at: "2026-03-01T09:00:00Z", last_seq: 0, last_message_at: null };
}

/** A list whose answers are given by hand, in any order. */
function setUp() {
  const asked: string[] = [];
  const answers: ((names: string[], next?: string | null) => Promise<void>)[] = [];
  const api = new Api({
    baseUrl: "https://chat.test",
    fetch: (url, init) => {
      asked.push(String(url).replace("https://chat.test/api/rooms", ""));
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      answers.push((names, next = null) => {
        resolve(Response.json({ rooms: names.map(room), next }));
        return new Promise((done) => setTimeout(done));
      });
      return promise;
    },
  });
  const list = new RoomList(api);
  const names = () => list.rooms.value?.map(({ name }) => name);
  return { list, asked, answers, names };
}

Deno.test("the answer to the newest search wins, however late an earlier one comes", async () => {
  const { list, asked, answers, names } = setUp();
  const first = list.search("l");
  const second = list.search("lo");
  await answers[1]!(["lobby"]);
  await answers[0]!(["late"]);
  await Promise.all([first, second]);
  assert.deepEqual(asked, ["?limit=30&q=l", "?limit=30&q=lo"]);
  assert.deepEqual(names(), ["lobby"]);
});

Deno.test("more rooms follow, and a refresh moves the active ones up without losing the rest", async () => {
  const { list, asked, answers, names } = setUp();
  const searched = list.search("");
  await answers[0]!(["a", "b"], "cursor");
  await searched;
  assert.equal(list.hasMore, true);
  const more = list.loadMore();
  await answers[1]!(["c", "d"]);
  await more;
  assert.equal(asked[1], "?limit=30&before=cursor");
  assert.deepEqual(names(), ["a", "b", "c", "d"]);
  assert.equal(list.hasMore, false);
  const refreshed = list.refresh();
  await answers[2]!(["d", "a"], "other");
  await refreshed;
  assert.deepEqual(names(), ["d", "a", "b", "c"]);
});

Deno.test("a name is known to be free only when the answer for it shows so", async () => {
  const { list, answers } = setUp();
  const name = { name: "Lobby", key: "lobby" };
  const searched = list.search("Lobby");
  assert.equal(list.lacks(name), false);
  await answers[0]!(["lobby-2"]);
  await searched;
  assert.equal(list.lacks(name), true);
  const again = list.search("Lobby");
  await answers[1]!(["lobby"]);
  await again;
  assert.equal(list.lacks(name), false);
});
