import { drawCharts } from "./charts.ts";
import {
  commonRate,
  highest,
  membersInAnotherOrder,
  P99_LIMIT_MS,
  type PeerResult,
  type Report,
  type ShapeName,
  type Step,
  stepAt,
} from "./results.ts";
import { cpuAtSameRate, judge, rateRanges } from "./targets.ts";

/** Writes the page of a report, its charts into a folder beside it. */
export async function writePage(path: string, report: Report): Promise<void> {
  const folder = path.replace(/\.md$/, "");
  const charts = drawCharts(report);
  await Deno.mkdir(folder, { recursive: true });
  for (const { name, svg } of charts) await Deno.writeTextFile(`${folder}/${name}.svg`, svg);
  const base = folder.slice(folder.lastIndexOf("/") + 1);
  const figure = (name: string) => {
    const chart = charts.find((chart) => chart.name === name);
    return chart === undefined ? "" : `![${chart.title}](${base}/${name}.svg)\n`;
  };
  await Deno.writeTextFile(path, page(report, figure));
  // As the rest of the repository; a folder that is excluded from that stays as it is.
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", path, folder],
    stderr: "null",
  }).output();
}

function page(report: Report, figure: (name: string) => string): string {
  const { settings, peers } = report;
  const { pairs, groups } = settings.shapes;
  const measured = peers.filter(({ missing }) => missing === null);
  return `# Maru beside its peers

Written by \`deno task bench:peers\` on ${
    report.date.slice(0, 10)
  }: the same open-loop load, on the same
machine, in one run. Absolute numbers vary between machines; compare them within this page only.

${leftOut(peers)}

## Messages

The highest rate at which nothing was lost or doubled and p99 stayed below ${P99_LIMIT_MS} ms, in messages a
second over all rooms: ${pairs.rooms} rooms of ${pairs.members}, tried up to ${
    number(pairs.rates.at(-1)!)
  }; ${groups.rooms} rooms of ${groups.members}, tried
up to ${
    number(groups.rates.at(-1)!)
  }. The order is kept when all members of a room saw the same one, at every
rate that counts.

${highestTable(measured, report)}

${figure("highest-rate-pairs")}
${figure("highest-rate-groups")}

## Latency

From the time at which a message was due to its delivery, p50 / p99 in ms. A dash: not tried, for a
lower rate had failed already.

${latencyTable(measured, report, "pairs")}

${figure("latency-pairs")}

${latencyTable(measured, report, "groups")}

${figure("latency-groups")}

## CPU

CPU time of all server processes, PostgreSQL and Redis included, for one delivery to one member, in
µs; in brackets the share of PostgreSQL and Redis.

${cpuTable(measured, report)}

${sameRate(measured)}

${figure("cpu-groups")}
${figure("cpu-pairs")}

## Connections

${
    number(settings.idleClients)
  } clients enter, 64 at a time, and stay idle: the resident memory of the servers (Redis
included, PostgreSQL not) for one of them, after a garbage collection that is forced, and before it,
with what the entering had left behind. Then, on new servers, ${
    number(settings.returningClients)
  } clients who have missed ${settings.missed} messages each
come back at once: who got all of them once and in order, and how long that took from the moment at
which all set out.

${connectionsTable(measured)}

${figure("memory")}
${figure("coming-back")}

## What was to be reached

${targetTable(report)}

${rangesOfRates(report)}

The CPU of a delivery in rooms of 25 is compared where each server is full, since it falls with the
rate for all of them. At the highest rate that two servers both carry, which is far below what Maru
carries, they are nearer to one another: see [CPU](#cpu).

## How it is measured

- One load generator, a process of its own on the same machine, holds ${
    pairs.rooms * pairs.members
  } sockets, spread over the
  servers so that each room has members on both. It sends at fixed times whatever happens (an open
  loop) and counts a message's latency from the time at which it was due, so nothing hides behind a
  server that is late. It speaks raw WebSocket, with the framing that each server's own client would
  use, and takes apart what arrives from all of them with the same code.
- Each rate is tried on new server processes and an empty database: ${settings.warmUpSeconds} s of warm-up, then
  ${settings.seconds} s measured. A rate that lost nothing and was late by less than twice is tried once more. After the
  first rate that fails, the gap below it is halved ${settings.bisections} times.
- Two server processes each (the relay: one), an embedded PostgreSQL with the same settings, synchronous
  commit and WAL files made before the load for all. Messages have ${settings.bytes} bytes of text, and all servers send the same fields.
- **Maru**: two instances, \`maru.v1\`; the rate limit for people is off. "One object a frame" is
  the same without the subprotocol: what goes to a socket together is then several frames, in one
  write all the same.
- **Socket.IO**: two Node.js processes, WebSocket only. A message is inserted (\`returning id\`, a
  prepared statement), then emitted to its room. Neither adapter recovers connections, so who comes back
  is sent \`where room = … and id > …\`, as in Socket.IO's tutorial.
- **Django Channels**: two Daphne processes, the tutorial's consumer. A message is saved by the ORM
  through \`database_sync_to_async\`, then sent to the group. Who comes back is served by a query.
- **Bare relay**: \`Deno.upgradeWebSocket\` in one process, without a database or a second process
  to agree with: what moving the bytes costs at least.

## What is unequal

- Maru lets messages wait for one another, the peers send each at once. A socket that was just
  written to is written to again at the next tick of 25 ms (\`PACE_MS\`), with all that came meanwhile;
  and while several messages wait to be stored, batches begin 15 to 40 ms apart, or when 200 wait.
  Much of its low CPU comes from that, and so does ${
    waiting(measured)
  }. That holds for "one object a frame", too. Where little is said nothing waits, and its CPU is not
  low: see the lowest rates.
- Maru acknowledges every message to its sender, numbers a room's messages without gaps, and finds
  what was sent twice. The peers are spared that work, Socket.IO's optional acknowledgements too.
- Maru knows people: each client here is a guest, whose row is inserted when the socket opens. The
  others know nobody.
- Django Channels has the defaults of its documentation: \`database_sync_to_async\` does all that a
  process saves in one thread, one after the other, and the channel layer is \`RedisChannelLayer\`,
  not the one over Redis' pub/sub.
- The peers are tuned where their documentation says so or the default would lose: Socket.IO has
  bufferutil and lets go of requests; Channels' capacity is 1,500 (100), its frames are encoded once
  for a group, its database connections stay open; Daphne's backlog is 4,096 (50) and its handshake may
  take 60 s (5).
- The load generator takes CPU from the servers: the fewer cores, the lower are all rates. It costs
  the same for all but for the frames: joined ones cost it less.
- All run on one machine: no network between servers and database, which would cost those most who ask
  the database most often.

## Repeat it

\`\`\`sh
deno task bench:peers --seconds ${settings.seconds}   # all, some 25 minutes, on a machine that does nothing else
deno task bench:peers --quick       # a few short steps; the numbers mean nothing
deno task bench:peers --only maru,socketio-pg
\`\`\`

It needs Linux, Node.js with npm for Socket.IO, and on Debian for Django Channels and Redis:

\`\`\`sh
apt-get install --no-install-recommends python3-django python3-django-channels \\
  python3-channels-redis daphne redis-server python3-psycopg2
\`\`\`

What is missing is left out, with a word.

## Machine and versions

${table(["", ""], Object.entries({ ...report.machine, ...report.versions }))}
`;
}

function leftOut(peers: readonly PeerResult[]): string {
  return peers.flatMap(({ title, missing, troubles }) => [
    ...missing === null ? [] : [`- ${title} was left out: ${missing}.`],
    ...troubles.map((trouble) => `- ${title}, ${trouble}.`),
  ]).join("\n");
}

function highestTable(peers: readonly PeerResult[], { settings }: Report): string {
  const { pairs, groups } = settings.shapes;
  const cell = (steps: readonly Step[], top: number) => {
    const step = highest(steps);
    if (step === null) return steps.length === 0 ? "" : `below ${number(steps[0]!.rate)}`;
    return `${step.rate === top ? "≥ " : ""}${number(step.rate)}`;
  };
  return table(
    ["", `rooms of ${pairs.members}`, `rooms of ${groups.members}`, "order kept"],
    peers.map((peer) => {
      const other = membersInAnotherOrder(peer);
      return [
        peer.title,
        cell(peer.steps.pairs, pairs.rates.at(-1)!),
        cell(peer.steps.groups, groups.rates.at(-1)!),
        other === null ? "" : other === 0 ? "yes" : `no: up to ${other} members saw another`,
      ];
    }),
  );
}

function latencyTable(
  peers: readonly PeerResult[],
  { settings }: Report,
  shape: ShapeName,
): string {
  const tried = peers.filter(({ steps }) => steps[shape].length > 0);
  if (tried.length === 0) return "";
  return table(
    [`rooms of ${settings.shapes[shape].members}, a second`, ...tried.map(({ title }) => title)],
    settings.shapes[shape].rates.map((rate) => [
      number(rate),
      ...tried.map(({ steps }) => latencyCell(stepAt(steps[shape], rate))),
    ]),
  );
}

function latencyCell(step: Step | null): string {
  if (step === null) return "–";
  const { delivery, lost, doubled } = step.result;
  const times = `${ms(delivery.p50)} / ${ms(delivery.p99)}`;
  if (step.passed) return times;
  if (lost > 0) return `${number(lost)} lost`;
  return doubled > 0 ? `${number(doubled)} doubled` : `late: ${times}`;
}

function cpuTable(peers: readonly PeerResult[], { settings }: Report): string {
  const shapes = (["groups", "pairs"] as const).map((name) => {
    const { members, rates } = settings.shapes[name];
    return { name, members, common: commonRate(rates, peers.map(({ steps }) => steps[name])) };
  });
  const cell = (step: Step | null) => {
    if (step === null) return "";
    const { cpuPerDelivery, postgres, broker } = step;
    return `${cpuPerDelivery.toFixed(1)} (${(postgres + broker).toFixed(1)})`;
  };
  return table(
    [
      "",
      ...shapes.flatMap(({ members, common }) => [
        `rooms of ${members}, ${number(common)}/s`,
        `rooms of ${members}, its highest`,
      ]),
    ],
    peers.map((peer) => [
      peer.title,
      ...shapes.flatMap(({ name, common }) => {
        const top = highest(peer.steps[name]);
        const at = top === null ? "" : `${cell(top)} at ${number(top.rate)}/s`;
        return [cell(stepAt(peer.steps[name], common)), at];
      }),
    ]),
  );
}

/** Maru's share of each peer's CPU at one rate: a delivery is dearer when there are few. */
function sameRate(peers: readonly PeerResult[]): string {
  const maru = peers.find(({ key }) => key === "maru");
  const lines = peers.filter(({ key }) => !key.startsWith("maru")).flatMap((peer) => {
    const same = cpuAtSameRate(maru, peer);
    return same === null
      ? []
      : [`- ${peer.title}, at ${number(same.rate)}/s: ${same.ratio.toFixed(2)} ×`];
  });
  if (lines.length === 0) return "";
  return `A delivery costs more when there are few of them. Maru's cost beside each peer's in rooms of 25, at the
highest rate of the ladder that both passed:\n\n${lines.join("\n")}`;
}

/** How long messages take in Maru and Socket.IO at the highest rate of groups that both passed. */
function waiting(peers: readonly PeerResult[]): string {
  const [maru, peer] = ["maru", "socketio-pg"].map((key) => peers.find((one) => one.key === key));
  const rate = cpuAtSameRate(maru, peer)?.rate;
  if (rate === undefined) return "its latency at high rates";
  const [ours, theirs] = [maru!, peer!].map(({ steps }) =>
    ms(stepAt(steps.groups, rate)!.result.delivery.p50)
  );
  return `a p50 of ${ours} ms in rooms of 25 at ${number(rate)}/s,
  where Socket.IO's is ${theirs} ms`;
}

/** The ratios of rates are as exact as the ladder. */
function rangesOfRates(report: Report): string {
  const ranges = rateRanges(report).map(({ title, passed, failed, low, high, target }) =>
    `${low.toFixed(1)} to ${high.toFixed(1)} × ${title} (${number(passed)} passed, ` +
    `${number(failed)} failed)${low < target ? `, which leaves the ${target} × open` : ""}`
  );
  if (ranges.length === 0) return "";
  return `The ratios of rates are of what passed, but a peer's limit lies between that and what failed: in rooms
of 2, what Maru passed is ${ranges.join("; and ")}.`;
}

function connectionsTable(peers: readonly PeerResult[]): string {
  return table(
    [
      "",
      "KB idle",
      "before collection",
      "accepted a second",
      "came back complete",
      "p50 ms",
      "last ms",
      "CPU ms each",
    ],
    peers.filter(({ idle, comeback }) => idle !== null || comeback !== null).map((peer) => {
      const { idle, comeback } = peer;
      const kilobytes = (bytes: number) => (bytes / 1024).toFixed(1);
      return [
        peer.title,
        ...idle === null ? ["", "", ""] : [
          kilobytes(idle.bytesPerConnection),
          kilobytes(idle.bytesAtOnce),
          number(Math.round(idle.connectionsPerSecond)) +
          (idle.closed === 0 ? "" : ` (${idle.closed} closed)`),
        ],
        ...comeback === null ? ["", "", "", ""] : [
          comeback.complete === comeback.clients
            ? "all"
            : `${number(comeback.complete)} of ${number(comeback.clients)}`,
          ms(comeback.p50),
          ms(comeback.last),
          (comeback.cpuPerClient / 1_000).toFixed(2),
        ],
      ];
    }),
  );
}

function targetTable(report: Report): string {
  return table(
    ["target", "found", ""],
    judge(report).map(({ what, found, reached }) => [
      what,
      found,
      reached === null ? "" : reached ? "reached" : "**missed**",
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join(
    "\n",
  );
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : number(Math.round(value));
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
