import assert from "node:assert/strict";
import fc from "fast-check";
import {
  assertTimeZone,
  type Crontab,
  crontab,
  CrontabError,
  type CrontabField,
  type CrontabFields,
  nextTick,
  parseCrontab,
  previousTick,
} from "../../src/tasks/crontab.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What a clock on the wall and a calendar beside it show. */
interface Wall {
  minute: number;
  hour: number;
  day: number;
  month: number;
  /** 0 is Sunday. */
  weekday: number;
}

function ticksBetween(tab: Crontab, from: Date, until: Date, timeZone: string): string[] {
  const ticks: string[] = [];
  let tick = nextTick(tab, from, timeZone);
  for (; tick <= until; tick = nextTick(tab, tick, timeZone)) ticks.push(tick.toISOString());
  return ticks;
}

function ticksBackwards(tab: Crontab, from: Date, until: Date, timeZone: string): string[] {
  const ticks: string[] = [];
  let tick = previousTick(tab, until, timeZone);
  for (; tick > from; tick = previousTick(tab, new Date(tick.getTime() - 1), timeZone)) {
    ticks.unshift(tick.toISOString());
  }
  return ticks;
}

const SCHEDULES: readonly {
  name: string;
  fields: CrontabFields;
  expression: string;
  due: (wall: Wall) => boolean;
  days: number;
}[] = [
  { name: "every minute", fields: {}, expression: "* * * * *", due: () => true, days: 2 },
  {
    name: "every 15 minutes",
    fields: { minute: "*/15" },
    expression: "*/15 * * * *",
    due: ({ minute }) => minute % 15 === 0,
    days: 8,
  },
  {
    name: "midnight",
    fields: { minute: 0, hour: 0 },
    expression: "0 0 * * *",
    due: ({ minute, hour }) => minute === 0 && hour === 0,
    days: 400,
  },
  {
    name: "every third hour",
    fields: { minute: 0, hour: "*/3" },
    expression: "0 */3 * * *",
    due: ({ minute, hour }) => minute === 0 && hour % 3 === 0,
    days: 40,
  },
  {
    name: "every third hour, one by one",
    fields: { minute: "0", hour: "0,3,6,9,12,15,18,21" },
    expression: "0 */3 * * *",
    due: ({ minute, hour }) => minute === 0 && hour % 3 === 0,
    days: 40,
  },
  {
    name: "every minute of Sundays",
    fields: { day_of_week: "sunday" },
    expression: "* * * * 0",
    due: ({ weekday }) => weekday === 0,
    days: 9,
  },
  {
    name: "midnight of Sundays",
    fields: { minute: "0", hour: "0", day_of_week: "Sun" },
    expression: "0 0 * * 0",
    due: ({ minute, hour, weekday }) => minute === 0 && hour === 0 && weekday === 0,
    days: 400,
  },
  {
    name: "every ten minutes of 3, 17 and 22 o'clock on Thursday and Friday",
    fields: { minute: "*/10", hour: "3,17,22", day_of_week: "thu,fri" },
    expression: "*/10 3,17,22 * * 4,5",
    due: ({ minute, hour, weekday }) =>
      minute % 10 === 0 && [3, 17, 22].includes(hour) && [4, 5].includes(weekday),
    days: 60,
  },
  {
    name: "even hours and hours divisible by three",
    fields: { minute: 0, hour: "*/2,*/3" },
    expression: "0 0,2-4,6,8-10,12,14-16,18,20-22 * * *",
    due: ({ minute, hour }) => minute === 0 && (hour % 2 === 0 || hour % 3 === 0),
    days: 20,
  },
  {
    name: "hours divisible by five",
    fields: { minute: 0, hour: "*/5" },
    expression: "0 */5 * * *",
    due: ({ minute, hour }) => minute === 0 && hour % 5 === 0,
    days: 40,
  },
  {
    name: "every third hour and 8 to 17",
    fields: { minute: "0", hour: "0,*/3,8-17" },
    expression: "0 0,3,6,8-18,21 * * *",
    due: ({ minute, hour }) => minute === 0 && (hour % 3 === 0 || (hour >= 8 && hour <= 17)),
    days: 20,
  },
  {
    name: "the second of each month",
    fields: { minute: 0, hour: 0, day_of_month: "2" },
    expression: "0 0 2 * *",
    due: ({ minute, hour, day }) => minute === 0 && hour === 0 && day === 2,
    days: 800,
  },
  {
    name: "every third day from the second",
    fields: { minute: 0, hour: 0, day_of_month: "2-30/3" },
    expression: "0 0 2-29/3 * *",
    due: ({ minute, hour, day }) => minute === 0 && hour === 0 && day >= 2 && day % 3 === 2,
    days: 800,
  },
  {
    name: "even days",
    fields: { minute: 0, hour: 0, day_of_month: "2-30/2" },
    expression: "0 0 2-30/2 * *",
    due: ({ minute, hour, day }) => minute === 0 && hour === 0 && day % 2 === 0,
    days: 800,
  },
  {
    name: "first and third week",
    fields: { minute: 0, hour: 0, day_of_month: "1-7,15-21" },
    expression: "0 0 1-7,15-21 * *",
    due: ({ minute, hour, day }) =>
      minute === 0 && hour === 0 && (day <= 7 || (day >= 15 && day <= 21)),
    days: 400,
  },
  {
    name: "the 11th of May",
    fields: { minute: 0, hour: 0, day_of_month: 11, month_of_year: 5 },
    expression: "0 0 11 5 *",
    due: ({ minute, hour, day, month }) => minute === 0 && hour === 0 && day === 11 && month === 5,
    days: 1200,
  },
  {
    name: "first month of each quarter",
    fields: { minute: 0, hour: 0, month_of_year: "*/3" },
    expression: "0 0 * */3 *",
    due: ({ minute, hour, month }) => minute === 0 && hour === 0 && [1, 4, 7, 10].includes(month),
    days: 800,
  },
  {
    name: "23:59",
    fields: { minute: 59, hour: 23 },
    expression: "59 23 * * *",
    due: ({ minute, hour }) => minute === 59 && hour === 23,
    days: 400,
  },
  {
    name: "the first Monday of a month, which is both a Monday and in the first week",
    fields: { minute: 30, hour: 9, day_of_week: "mon", day_of_month: "1-7" },
    expression: "30 9 1-7 * 1",
    due: ({ minute, hour, day, weekday }) =>
      minute === 30 && hour === 9 && day <= 7 && weekday === 1,
    days: 800,
  },
];

// Without changes of the clock, so that a wall is an instant and a number of hours.
const FIXED_ZONES = [["UTC", 0], ["Asia/Seoul", 9]] as const;
const START = Date.UTC(2027, 10, 28, 10, 20, 30, 500);

for (const { name, fields, expression, due, days } of SCHEDULES) {
  Deno.test(`ticks of "${name}" are those of a clock on the wall, forwards and backwards`, () => {
    const tab = crontab(fields);
    assert.equal(tab.toString(), expression);
    const [from, until] = [new Date(START), new Date(START + days * DAY_MS)];
    for (const [timeZone, hours] of FIXED_ZONES) {
      const expected: string[] = [];
      const first = Math.ceil(START / MINUTE_MS) * MINUTE_MS;
      for (let at = first; at <= until.getTime(); at += MINUTE_MS) {
        if (due(wallOf(at + hours * 60 * MINUTE_MS))) expected.push(new Date(at).toISOString());
      }
      assert.ok(expected.length > 2, "the span shows several ticks");
      assert.deepEqual(ticksBetween(tab, from, until, timeZone), expected);
      assert.deepEqual(ticksBackwards(tab, from, until, timeZone), expected);
    }
  });
}

/** Of an instant in UTC, or of a local time written as if it were UTC. */
function wallOf(at: number): Wall {
  const date = new Date(at);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
}

Deno.test("a field stands for the values that Celery gives it", () => {
  const rows: [CrontabField, string | number, number[]][] = [
    ["minute", "*/20", [0, 20, 40]],
    ["minute", "*/60", [0]],
    ["minute", "1,13,30-33,50-59/4", [1, 13, 30, 31, 32, 33, 50, 54, 58]],
    ["minute", "05, 7 ,7", [5, 7]],
    ["minute", -0, [0]],
    ["minute", "58-2", [0, 1, 2, 58, 59]],
    ["minute", "56-4/3", [2, 56, 59]],
    ["hour", "22-2", [0, 1, 2, 22, 23]],
    ["hour", "0,8-17/2", [0, 8, 10, 12, 14, 16]],
    ["day_of_month", "*/10", [1, 11, 21, 31]],
    ["day_of_month", "30-2", [1, 2, 30, 31]],
    ["month_of_year", "*/3", [1, 4, 7, 10]],
    ["month_of_year", "2-12/2", [2, 4, 6, 8, 10, 12]],
    ["month_of_year", "Nov-February", [1, 2, 11, 12]],
    ["month_of_year", "jan,MAY,december", [1, 5, 12]],
    ["day_of_week", "*/2", [0, 2, 4, 6]],
    ["day_of_week", "mon-fri", [1, 2, 3, 4, 5]],
    ["day_of_week", "fri-mon", [0, 1, 5, 6]],
    ["day_of_week", "fri-mon/2", [0, 5]],
    ["day_of_week", "Saturday,SUN", [0, 6]],
    ["day_of_week", 6, [6]],
  ];
  for (const [field, value, expected] of rows) {
    const tab = crontab({ [field]: value });
    assert.deepEqual(tab[field], expected, `${field} ${value}`);
    assert.deepEqual(parseCrontab(`${tab}`)[field], expected, `${field} ${value} as ${tab}`);
  }
});

Deno.test("a field that is absent or undefined is every value of it", () => {
  const open = { minute: undefined, hour: 3 } as unknown as CrontabFields;
  assert.equal(crontab(open).toString(), "* 3 * * *");
  assert.equal(crontab().toString(), "* * * * *");
});

const BAD_FIELDS: readonly [field: string, value: unknown, shown: string][] = [
  ["minute", "", '""'],
  ["minute", "  ", '"  "'],
  ["minute", "a quarter", '"a quarter"'],
  ["minute", "thu", '"thu"'],
  ["minute", "60", '"60"'],
  ["minute", 60, "60"],
  ["minute", -1, "-1"],
  ["minute", "-1", '"-1"'],
  ["minute", 1.5, "1.5"],
  ["minute", "1.5", '"1.5"'],
  ["minute", "1e1", '"1e1"'],
  ["minute", "0x1f", '"0x1f"'],
  ["minute", NaN, "NaN"],
  ["minute", Infinity, "Infinity"],
  ["minute", 1e21, "1e+21"],
  ["minute", null, "null"],
  ["minute", true, "true"],
  ["minute", 10n, "10"],
  ["minute", Symbol("ten"), "Symbol(ten)"],
  ["minute", { every: 15 }, "an object"],
  ["minute", Object.create(null), "an object"],
  ["minute", () => 15, "a function"],
  ["minute", [0, 30], "an array"],
  ["minute", "*/0", '"*/0"'],
  ["minute", "*/-5", '"*/-5"'],
  ["minute", "*/61", '"*/61"'],
  ["minute", "*/x", '"*/x"'],
  ["minute", "*/", '"*/"'],
  ["minute", "/5", '"/5"'],
  ["minute", "*/5/2", '"*/5/2"'],
  ["minute", "**", '"**"'],
  ["minute", "*5", '"*5"'],
  ["minute", "* * *", '"* * *"'],
  ["minute", "*-5", '"*-5"'],
  ["minute", "5/10", '"5/10"'],
  ["minute", "1-", '"1-"'],
  ["minute", "-", '"-"'],
  ["minute", "1-2-3", '"1-2-3"'],
  ["minute", "1-60", '"1-60"'],
  ["minute", "1-5foo", '"1-5foo"'],
  ["minute", ",", '","'],
  ["minute", "1,,2", '"1,,2"'],
  ["minute", "1,", '"1,"'],
  ["minute", "1;2", '"1;2"'],
  ["minute", "١٥", '"١٥"'],
  ["minute", "１５", '"１５"'],
  ["minute", "5\n6", '"5\\n6"'],
  ["minute", "9".repeat(400), `"${"9".repeat(60)}…"`],
  ["hour", 24, "24"],
  ["hour", "noon", '"noon"'],
  ["hour", "8-17/25", '"8-17/25"'],
  ["day_of_month", 0, "0"],
  ["day_of_month", 32, "32"],
  ["day_of_month", "L", '"L"'],
  ["day_of_month", "0-5", '"0-5"'],
  ["month_of_year", 0, "0"],
  ["month_of_year", 13, "13"],
  ["month_of_year", "mon", '"mon"'],
  ["month_of_year", "janu", '"janu"'],
  ["month_of_year", "1월", '"1월"'],
  ["day_of_week", 7, "7"],
  ["day_of_week", "1-7", '"1-7"'],
  ["day_of_week", "may", '"may"'],
  ["day_of_week", "sund", '"sund"'],
  ["day_of_week", "mon#1", '"mon#1"'],
  ["day_of_week", "?", '"?"'],
];

for (const [field, value, shown] of BAD_FIELDS) {
  Deno.test(`${field} ${shown} is refused by an error that names field and value`, () => {
    assert.throws(
      () => crontab({ [field]: value } as CrontabFields),
      (error) => {
        assert.ok(error instanceof CrontabError && error instanceof RangeError);
        assert.equal(error.name, "CrontabError");
        assert.equal(error.field, field);
        assert.equal(error.value, value);
        assert.ok(error.message.startsWith(`Cannot use ${shown} as ${field} of a crontab: `));
        assert.match(error.message, /(0-59|0-23|1-31|1-12|0-6)/);
        return true;
      },
    );
  });
}

Deno.test("what is no set of Celery's fields is refused", () => {
  const rows: [unknown, RegExp][] = [
    [
      { minutes: 15 },
      /^CrontabError: Cannot use 15 as minutes of a crontab: its fields are minute,/,
    ],
    [{ second: undefined }, /Cannot use undefined as second of a crontab/],
    ["0 3 * * *", /Cannot use "0 3 \* \* \*" as fields of a crontab: .* parseCrontab/],
    [null, /Cannot use null as fields/],
    [[1, 2], /Cannot use an array as fields/],
    [5, /Cannot use 5 as fields/],
  ];
  for (const [fields, message] of rows) {
    assert.throws(() => crontab(fields as CrontabFields), message);
  }
});

Deno.test("an expression is five fields, each as Celery has it", () => {
  assert.equal(
    parseCrontab(" 0\t*/3,8-17  2-30/3 jan,5 Thu ").toString(),
    "0 0,3,6,8-18,21 2-29/3 1,5 4",
  );
  const rows: [unknown, string][] = [
    ["", "expression"],
    ["* * * *", "expression"],
    ["* * * * * *", "expression"],
    ["@daily", "expression"],
    [null, "expression"],
    [["*", "*", "*", "*", "*"], "expression"],
    ["60 * * * *", "minute"],
    ["* 24 * * *", "hour"],
    ["* * 0 * *", "day_of_month"],
    ["* * * 13 *", "month_of_year"],
    ["* * * * 7", "day_of_week"],
    ["0 0 30 2 *", "day_of_month"],
  ];
  for (const [expression, field] of rows) {
    assert.throws(() => parseCrontab(expression as string), { name: "CrontabError", field });
  }
});

Deno.test("a day that no year has is refused, the 29th of February is not", () => {
  for (
    const fields of [{ day_of_month: 30, month_of_year: 2 }, {
      day_of_month: "31",
      month_of_year: "feb,apr,jun,sep,nov",
    }]
  ) {
    assert.throws(() => crontab(fields), {
      name: "CrontabError",
      field: "day_of_month",
      value: fields.day_of_month,
    });
  }
  const leap = crontab({ minute: 0, hour: 0, day_of_month: "29-31", month_of_year: "feb" });
  const after = new Date("2096-02-29T00:00:00Z");
  assert.equal(nextTick(leap, after, "UTC").toISOString(), "2104-02-29T00:00:00.000Z");
  const monday = crontab({
    minute: 0,
    hour: 0,
    day_of_month: 29,
    month_of_year: 2,
    day_of_week: 1,
  });
  assert.equal(nextTick(monday, new Date(0), "UTC").toISOString(), "1988-02-29T00:00:00.000Z");
  assert.equal(
    previousTick(monday, new Date("2044-02-28"), "UTC").toISOString(),
    "2016-02-29T00:00:00.000Z",
  );
});

Deno.test("the next tick is after the instant, the previous one may be the instant itself", () => {
  const tab = crontab({ minute: "*/15" });
  const rows: [at: string, next: string, previous: string][] = [
    ["12:14:59.999", "12:15", "12:00"],
    ["12:15:00.000", "12:30", "12:15"],
    ["12:15:00.001", "12:30", "12:15"],
    ["12:59:30.000", "13:00", "12:45"],
  ];
  for (const [at, next, previous] of rows) {
    const instant = new Date(`2026-05-11T${at}Z`);
    const before = instant.getTime();
    assert.deepEqual(nextTick(tab, instant, "UTC"), new Date(`2026-05-11T${next}Z`));
    assert.deepEqual(previousTick(tab, instant, "UTC"), new Date(`2026-05-11T${previous}Z`));
    assert.equal(instant.getTime(), before, "the caller's date is left alone");
  }
});

Deno.test("a crontab does not change", () => {
  const tab = crontab({ hour: 3 });
  assert.throws(() => Object.assign(tab, { hour: [4] }), TypeError);
  assert.throws(() => (tab.hour as number[]).push(4), TypeError);
  assert.equal(tab.toString(), "* 3 * * *");
});

Deno.test("an unknown time zone is refused by name, as is an invalid date", () => {
  const rows: [unknown, RegExp][] = [
    ["Mars/Olympus", /^RangeError: Cannot use "Mars\/Olympus" as a time zone/],
    ["", /^RangeError: Cannot use "" as a time zone/],
    ["Europe/Berlin ", /^RangeError: Cannot use "Europe\/Berlin " as a time zone/],
    ["Local", /^RangeError/],
    [undefined, /^TypeError: Cannot use undefined as a time zone/],
    [null, /^TypeError/],
    [60, /^TypeError: Cannot use 60 as a time zone/],
  ];
  for (const [timeZone, message] of rows) {
    assert.throws(() => assertTimeZone(timeZone), message);
    assert.throws(() => nextTick(crontab(), new Date(0), timeZone as string), message);
    assert.throws(() => previousTick(crontab(), new Date(0), timeZone as string), message);
  }
  for (const timeZone of ["UTC", "Asia/Seoul", "America/New_York", "+09:00"]) {
    assertTimeZone(timeZone);
  }
  assert.throws(() => nextTick(crontab(), new Date(NaN), "UTC"), /^RangeError: .*invalid/);
  assert.throws(() => previousTick(crontab(), new Date(NaN), "UTC"), /^RangeError: .*invalid/);
  assert.throws(() => nextTick(crontab(), new Date("3500-01-01"), "UTC"), /^RangeError: .*so late/);
});

const CHANGES: readonly {
  name: string;
  timeZone: string;
  fields: CrontabFields;
  /** Local times with their offsets, so that a reader sees the wall. */
  from: string;
  ticks: string[];
}[] = [
  {
    name: "Berlin skips 2:00 to 3:00: a fixed time ticks once, when the gap ends",
    timeZone: "Europe/Berlin",
    fields: { minute: 30, hour: 2 },
    from: "2026-03-28T00:00+01:00",
    ticks: ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
  },
  {
    name:
      "Berlin skips 2:00 to 3:00: all that the gap took ticks once, with what is due at its end",
    timeZone: "Europe/Berlin",
    fields: { minute: "*/15", hour: "1-3" },
    from: "2026-03-29T01:20+01:00",
    ticks: [
      "2026-03-29T01:30+01:00",
      "2026-03-29T01:45+01:00",
      "2026-03-29T03:00+02:00",
      "2026-03-29T03:15+02:00",
    ],
  },
  {
    name: "Berlin skips 2:00 to 3:00: even hours lose none",
    timeZone: "Europe/Berlin",
    fields: { minute: 0, hour: "*/2" },
    from: "2026-03-28T23:00+01:00",
    ticks: [
      "2026-03-29T00:00+01:00",
      "2026-03-29T03:00+02:00",
      "2026-03-29T04:00+02:00",
      "2026-03-29T06:00+02:00",
    ],
  },
  {
    name: "Berlin has 2:00 to 3:00 twice: a fixed time ticks the first time only",
    timeZone: "Europe/Berlin",
    fields: { minute: 30, hour: 2 },
    from: "2026-10-24T12:00+02:00",
    ticks: ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
  },
  {
    name: "Berlin has 2:00 to 3:00 twice: from within the second time, the next is tomorrow",
    timeZone: "Europe/Berlin",
    fields: { minute: 30, hour: 2 },
    from: "2026-10-25T02:10+01:00",
    ticks: ["2026-10-26T02:30+01:00"],
  },
  {
    name: "Berlin has 2:00 to 3:00 twice: even hours double none, however they are written",
    timeZone: "Europe/Berlin",
    fields: { minute: 0, hour: "0-22/2" },
    from: "2026-10-24T23:00+02:00",
    ticks: [
      "2026-10-25T00:00+02:00",
      "2026-10-25T02:00+02:00",
      "2026-10-25T04:00+01:00",
      "2026-10-25T06:00+01:00",
    ],
  },
  {
    name: "New York skips 2:00 to 3:00: every half-hour goes on in real time",
    timeZone: "America/New_York",
    fields: { minute: "*/30" },
    from: "2026-03-08T01:00-05:00",
    ticks: ["2026-03-08T01:30-05:00", "2026-03-08T03:00-04:00", "2026-03-08T03:30-04:00"],
  },
  {
    name: "New York has 1:00 to 2:00 twice: every half-hour goes on in real time",
    timeZone: "America/New_York",
    fields: { minute: "*/30" },
    from: "2026-11-01T00:45-04:00",
    ticks: [
      "2026-11-01T01:00-04:00",
      "2026-11-01T01:30-04:00",
      "2026-11-01T01:00-05:00",
      "2026-11-01T01:30-05:00",
      "2026-11-01T02:00-05:00",
    ],
  },
  {
    name: "New York: every hour of the clock is every hour, written one by one as well",
    timeZone: "America/New_York",
    fields: { minute: 0, hour: "0-11,12-23" },
    from: "2026-11-01T00:45-04:00",
    ticks: ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00", "2026-11-01T02:00-05:00"],
  },
  {
    name: "Lord Howe skips 2:00 to 2:30: a fixed time ticks when the gap ends",
    timeZone: "Australia/Lord_Howe",
    fields: { minute: "0,15,45", hour: 2 },
    from: "2026-10-03T12:00+10:30",
    ticks: ["2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00", "2026-10-05T02:00+11:00"],
  },
  {
    name: "Lord Howe has 1:30 to 2:00 twice: every quarter of an hour goes on in real time",
    timeZone: "Australia/Lord_Howe",
    fields: { minute: "*/15" },
    from: "2026-04-05T01:20+11:00",
    ticks: [
      "2026-04-05T01:30+11:00",
      "2026-04-05T01:45+11:00",
      "2026-04-05T01:30+10:30",
      "2026-04-05T01:45+10:30",
      "2026-04-05T02:00+10:30",
    ],
  },
  {
    name: "Lord Howe skips 2:00 to 2:30: an hourly tick follows the minute hand",
    timeZone: "Australia/Lord_Howe",
    fields: { minute: 0 },
    from: "2026-10-04T00:30+10:30",
    ticks: ["2026-10-04T01:00+10:30", "2026-10-04T03:00+11:00", "2026-10-04T04:00+11:00"],
  },
  {
    name: "Cairo skips midnight: the day's tick comes at one",
    timeZone: "Africa/Cairo",
    fields: { minute: 0, hour: 0, day_of_week: "fri" },
    from: "2026-04-18T00:00+02:00",
    ticks: ["2026-04-24T01:00+03:00", "2026-05-01T00:00+03:00"],
  },
  {
    name: "Seoul changes nothing",
    timeZone: "Asia/Seoul",
    fields: { minute: 30, hour: "*/2" },
    from: "2026-03-29T00:00+09:00",
    ticks: ["2026-03-29T00:30+09:00", "2026-03-29T02:30+09:00", "2026-03-29T04:30+09:00"],
  },
];

for (const { name, timeZone, fields, from, ticks } of CHANGES) {
  Deno.test(name, () => {
    const expected = ticks.map((tick) => new Date(tick).toISOString());
    const [start, end] = [new Date(from), new Date(ticks.at(-1) ?? from)];
    assert.deepEqual(ticksBetween(crontab(fields), start, end, timeZone), expected);
    assert.deepEqual(ticksBackwards(crontab(fields), start, end, timeZone), expected);
  });
}

const field = (first: number, last: number): fc.Arbitrary<string> => {
  const value = fc.integer({ min: first, max: last });
  const step = fc.integer({ min: 1, max: last - first + 1 });
  return fc.array(
    fc.oneof(
      fc.constant("*"),
      value.map(String),
      step.map((by) => `*/${by}`),
      fc.tuple(value, value).map(([from, to]) => `${from}-${to}`),
      fc.tuple(value, value, step).map(([from, to, by]) => `${from}-${to}/${by}`),
    ),
    { minLength: 1, maxLength: 3 },
  ).map((parts) => parts.join());
};

const anyFields: fc.Arbitrary<Required<CrontabFields>> = fc.record({
  minute: field(0, 59),
  hour: field(0, 23),
  day_of_week: field(0, 6),
  // Day 1 is there so that some year has the day.
  day_of_month: field(1, 31).map((days) => `1,${days}`),
  month_of_year: field(1, 12),
});

Deno.test("any crontab is read back from its expression, which is the same for equal ones", () => {
  fc.assert(fc.property(anyFields, (fields) => {
    const tab = crontab(fields);
    const again = parseCrontab(tab.toString());
    assert.deepEqual(again, tab);
    assert.equal(again.toString(), tab.toString());
    const listed = CRONTAB_ORDER.map((name) => tab[name].join()).join(" ");
    assert.equal(parseCrontab(listed).toString(), tab.toString());
  }));
});

const CRONTAB_ORDER = ["minute", "hour", "day_of_month", "month_of_year", "day_of_week"] as const;

Deno.test("any next tick is later, shows the fields on the wall, and has none before it", () => {
  const instants = fc.date({
    min: new Date("2000-01-01T00:00Z"),
    max: new Date("2040-01-01T00:00Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(
      anyFields,
      instants,
      fc.constantFrom(...FIXED_ZONES),
      (fields, after, [zone, hours]) => {
        const tab = crontab(fields);
        const tick = nextTick(tab, after, zone);
        assert.ok(tick > after);
        assert.ok(isDue(tab, wallOf(tick.getTime() + hours * 60 * MINUTE_MS)));
        assert.equal(tick.getTime() % MINUTE_MS, 0);
        assert.deepEqual(previousTick(tab, tick, zone), tick);
        assert.ok(previousTick(tab, new Date(tick.getTime() - 1), zone) <= after);
      },
    ),
  );
});

function isDue(tab: Crontab, { minute, hour, day, month, weekday }: Wall): boolean {
  return tab.minute.includes(minute) && tab.hour.includes(hour) &&
    tab.day_of_month.includes(day) && tab.month_of_year.includes(month) &&
    tab.day_of_week.includes(weekday);
}

Deno.test("around any change of the clock, ticks are those of the documented rule", () => {
  const days = [
    ["Europe/Berlin", "2026-03-29T01:00Z"],
    ["Europe/Berlin", "2026-10-25T01:00Z"],
    ["America/New_York", "2026-03-08T07:00Z"],
    ["America/New_York", "2026-11-01T06:00Z"],
    ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
    ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
    ["Africa/Cairo", "2026-04-23T22:00Z"],
    ["Africa/Cairo", "2026-10-29T21:00Z"],
    ["Asia/Seoul", "2026-03-29T01:00Z"],
  ].map(([timeZone = "", change = ""]) => {
    const from = new Date(Date.parse(change) - DAY_MS / 8);
    const until = new Date(Date.parse(change) + DAY_MS / 8);
    return { timeZone, from, until, walls: wallsBetween(from, until, timeZone) };
  });
  const fields = fc.record({
    minute: field(0, 59),
    hour: fc.oneof(fc.constant("*"), field(0, 23), field(0, 4)),
    day_of_week: fc.oneof(fc.constant("*"), field(0, 6)),
  });
  fc.assert(
    fc.property(fields, fc.constantFrom(...days), (given, { timeZone, from, until, walls }) => {
      const tab = crontab(given);
      const expected = dueBetween(tab, walls);
      assert.deepEqual(ticksBetween(tab, from, until, timeZone), expected);
      assert.deepEqual(ticksBackwards(tab, from, until, timeZone), expected);
    }),
    { numRuns: 60 },
  );
});

/** Each full minute after `from`, with the local time that it has, written as if it were UTC. */
function wallsBetween(from: Date, until: Date, timeZone: string): { at: number; wall: number }[] {
  const clock = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return Array.from({ length: (until.getTime() - from.getTime()) / MINUTE_MS }, (_, i) => {
    const at = from.getTime() + (i + 1) * MINUTE_MS;
    return { at, wall: Date.parse(`${clock.format(at).replace(" ", "T")}Z`) };
  });
}

function dueBetween(tab: Crontab, walls: readonly { at: number; wall: number }[]): string[] {
  const everyHour = tab.hour.length === 24;
  const due: string[] = [];
  let shown = (walls[0]?.wall ?? 0) - MINUTE_MS;
  for (const { at, wall } of walls) {
    let ticks = everyHour && isDue(tab, wallOf(wall));
    // A clock that was set back shows nothing new; one that was set forward, more than a minute.
    for (; !everyHour && shown < wall; shown += MINUTE_MS) {
      ticks ||= isDue(tab, wallOf(shown + MINUTE_MS));
    }
    if (ticks) due.push(new Date(at).toISOString());
  }
  return due;
}
