import { type ConnectionOptions, openConnection } from "./connection.ts";

/** Options of {@linkcode migrateChannels}. */
export interface MigrateChannelsOptions extends Pick<ConnectionOptions, "connection"> {
  /** Told each step that is applied. @default silent */
  readonly log?: (line: string) => void;
}

/**
 * Brings the schema `channels` to what this library needs: versioned apart from the application's
 * tables, forward only, safe to run from many instances at once.
 *
 * @param url a direct connection, not a pooler in transaction mode
 */
export async function migrateChannels(
  url: string,
  options: MigrateChannelsOptions = {},
): Promise<void> {
  const sql = openConnection(url, "maru-migrate", options);
  try {
    // Only what is missing is made: to make a schema takes a right that a later start need not have.
    const [made] = await sql`select to_regclass('channels.migrations') is not null as made`;
    if (made!["made"] !== true) {
      await sql.unsafe(`select pg_advisory_xact_lock(${LOCK}); ${VERSIONS}`);
    }
    for (const [index, { name, text }] of STEPS.entries()) {
      const version = index + 1;
      const done = await sql`select from channels.migrations where version = ${version}`;
      if (done.length > 0) continue;
      try {
        // The version row first: of two rivals one collides here and sees that it is done.
        await sql.unsafe(`
          select pg_advisory_xact_lock(${LOCK});
          insert into channels.migrations (version, name) values (${version}, '${name}');
          ${text}`);
        options.log?.(`Applied channels/${name}`);
      } catch (error) {
        const { code, table_name: table } = error as { code?: string; table_name?: string };
        if (code !== UNIQUE_VIOLATION || table !== "migrations") throw error;
      }
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

// "chan" in ASCII: advisory locks share one number space per database.
const LOCK = 0x6368616e;
// What a sender in SQL gets: the layer's defaults.
const SQL_TTL_MS = 60_000;
const SQL_CAPACITY = 100;
const UNIQUE_VIOLATION = "23505";

const VERSIONS = `
create schema if not exists channels;
comment on schema channels is 'The bus and the channel layer';
create table if not exists channels.migrations (
  version int primary key,
  name text not null,
  applied_at timestamptz not null default now()
);
comment on table channels.migrations is 'The steps that this schema has had';
comment on column channels.migrations.version is 'Its number';
comment on column channels.migrations.name is 'What it made';
comment on column channels.migrations.applied_at is 'When';
`;

const STEPS = [{
  name: "keys",
  text: `
create table channels.keys (
  id int primary key generated always as identity,
  secret bytea not null check (octet_length(secret) = 32),
  created_at timestamptz not null default now()
);
comment on table channels.keys is 'Seals what travels by NOTIFY, which knows no privileges; the newest key is used, older ones still open';
comment on column channels.keys.id is 'Travels with each payload';
comment on column channels.keys.secret is 'Random; only the server''s role reads it';
comment on column channels.keys.created_at is 'When the key was made: to rotate, insert a new one, and delete the old one a minute later';
revoke all on channels.keys from public;
insert into channels.keys (secret)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
`,
}, {
  name: "sql door",
  text: `
create function channels.hmac_sha256(key bytea, message bytea) returns bytea
language plpgsql immutable set search_path = pg_catalog as $$
declare
  inner_pad bytea := decode(repeat('36', 64), 'hex');
  outer_pad bytea := decode(repeat('5c', 64), 'hex');
begin
  for i in 0 .. length(key) - 1 loop
    inner_pad := set_byte(inner_pad, i, get_byte(key, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(key, i) # 92);
  end loop;
  return sha256(outer_pad || sha256(inner_pad || message));
end $$;
comment on function channels.hmac_sha256 is 'HMAC (RFC 2104) over the core''s sha256; for keys of up to 64 bytes';

create function channels.publish_signed(event jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  key record;
  nonce text := gen_random_uuid();
  sent_at bigint := extract(epoch from clock_timestamp()) * 1000;
  body text := event::text;
  -- A character is at most four bytes, and a payload holds fewer than 8,000.
  piece_length constant int := 1900;
  pieces int := greatest(1, ceil(length(body)::numeric / piece_length));
  head text;
  piece text;
begin
  if octet_length(body) > 1048576 then
    raise exception 'Cannot send the message: % bytes is more than 1 MiB', octet_length(body)
      using errcode = 'program_limit_exceeded';
  end if;
  select id, secret into strict key from channels.keys order by id desc limit 1;
  for i in 1 .. pieces loop
    piece := substr(body, (i - 1) * piece_length + 1, piece_length);
    head := concat_ws(' ', 's', key.id, nonce, sent_at, i, pieces);
    perform pg_notify('channels_all', concat_ws(' ', head,
      encode(channels.hmac_sha256(key.secret, convert_to(head || ' ' || piece, 'UTF8')), 'hex'), piece));
  end loop;
end $$;
comment on function channels.publish_signed is 'Tells all instances; signed, since any role may NOTIFY';

create function channels.group_send("group" text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if "group" !~ '^[A-Za-z0-9_.-]{1,99}$' then
    raise exception 'Cannot send to group "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or "."', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to group "%": the message is no JSON object', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  perform channels.publish_signed(jsonb_build_object('group', "group", 'message', message));
end $$;
comment on function channels.group_send is 'Sends a message to every channel in a group, as part of the caller''s transaction: rolled back means never sent';

create function channels.send(channel text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if channel !~ '^[A-Za-z0-9_.-]+![A-Za-z0-9_.-]+$' or length(channel) > 99 then
    raise exception 'Cannot send to channel "%": not the name of a process-local channel', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to channel "%": the message is no JSON object', channel
      using errcode = 'invalid_parameter_value';
  end if;
  perform channels.publish_signed(jsonb_build_object('channel', channel, 'message', message));
end $$;
comment on function channels.send is 'Sends a message to one channel, as part of the caller''s transaction: rolled back means never sent';

revoke all on all functions in schema channels from public;
do $$ begin
  if not exists (select from pg_roles where rolname = 'maru_publisher') then
    create role maru_publisher nologin;
  end if;
  grant usage on schema channels to maru_publisher;
  grant execute on function channels.group_send(text, jsonb), channels.send(text, jsonb) to maru_publisher;
exception when insufficient_privilege or duplicate_object or unique_violation then
  raise notice 'The role maru_publisher was not made: grant execute on channels.group_send and channels.send yourself';
end $$;
`,
}, {
  name: "queues",
  text: `
create unlogged table channels.queue (
  id bigint primary key generated always as identity,
  channel text not null,
  message json not null,
  expires_at timestamptz not null
);
create index queue_of_channel on channels.queue (channel, id);
create index queue_by_expiry on channels.queue (expires_at);
comment on table channels.queue is 'Messages of queue channels that no worker has taken yet; unlogged: a crash of the server empties it';
comment on column channels.queue.id is 'The order within a channel';
comment on column channels.queue.channel is 'A name without "!"';
comment on column channels.queue.message is 'A JSON object';
comment on column channels.queue.expires_at is 'Nobody gets it after this';
revoke all on channels.queue from public;

create function channels.enqueue(channel text, message json, ttl_ms float8, capacity int,
  out put boolean, out expired int)
language plpgsql set search_path = pg_catalog as $$
begin
  with gone as (
    delete from channels.queue where id in (
      select id from channels.queue where expires_at <= clock_timestamp() for update skip locked)
    returning 1
  )
  select count(*) into expired from gone;
  put := capacity > (
    select count(*) from (
      select from channels.queue q where q.channel = enqueue.channel
        and q.expires_at > clock_timestamp() limit enqueue.capacity) waiting);
  if put then
    insert into channels.queue (channel, message, expires_at)
    values (enqueue.channel, enqueue.message, clock_timestamp() + ttl_ms * interval '1 ms');
  end if;
end $$;
comment on function channels.enqueue is 'Keeps a message for whoever reads its channel first; not when the channel holds as many as its capacity';

create function channels.enqueue_exactly(channel text, message json, ttl_ms float8, capacity int,
  out put boolean, out expired int)
language plpgsql set search_path = pg_catalog as $$
begin
  -- One writer of a channel at a time, so that two do not both take the last place.
  perform pg_advisory_xact_lock(${LOCK}, hashtext(channel));
  select e.put, e.expired into put, expired
  from channels.enqueue(channel, message, ttl_ms, capacity) e;
end $$;
comment on function channels.enqueue_exactly is 'The same, never above the capacity; for a transaction of its own, since it holds a lock';

create or replace function channels.send(channel text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if channel !~ '^[A-Za-z0-9_.-]+(![A-Za-z0-9_.-]+)?$' or length(channel) > 99 then
    raise exception 'Cannot send to channel "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or ".", with one "!" within if it is process-local', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to channel "%": the message is no JSON object', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if position('!' in channel) > 0 then
    perform channels.publish_signed(jsonb_build_object('channel', channel, 'message', message));
    return;
  end if;
  if octet_length(message::text) > 1048576 then
    raise exception 'Cannot send the message: % bytes is more than 1 MiB', octet_length(message::text)
      using errcode = 'program_limit_exceeded';
  end if;
  if not (select put from channels.enqueue(channel, message::json, ${SQL_TTL_MS}, ${SQL_CAPACITY})) then
    raise exception 'Cannot send to channel "%": it is full', channel
      using errcode = 'program_limit_exceeded', hint = 'Nobody reads it, or its readers are too slow';
  end if;
  perform channels.publish_signed(jsonb_build_object('wake', channel));
end $$;

revoke all on function channels.enqueue, channels.enqueue_exactly from public;
`,
}, {
  name: "presence",
  text: `
create unlogged table channels.instances (
  id text primary key,
  seen_at timestamptz not null
) with (fillfactor = 50);
comment on table channels.instances is 'Instances with members in groups; unlogged: each writes itself anew when it is missing';
comment on column channels.instances.id is 'Its name on the bus';
comment on column channels.instances.seen_at is 'Its last heartbeat';
create unlogged table channels.memberships (
  group_name text not null,
  channel text not null,
  instance text not null references channels.instances on delete cascade,
  info json,
  joined_at timestamptz not null default clock_timestamp(),
  until timestamptz not null,
  primary key (group_name, channel)
);
create index memberships_of_instance on channels.memberships (instance);
comment on table channels.memberships is 'Who is in which group; written when somebody joins or leaves';
comment on column channels.memberships.group_name is 'The group';
comment on column channels.memberships.channel is 'The process-local channel that is in it';
comment on column channels.memberships.instance is 'The instance that owns the channel: its members are gone with it';
comment on column channels.memberships.info is 'Who it is, as the application told';
comment on column channels.memberships.joined_at is 'Since when';
comment on column channels.memberships.until is 'The membership ends unless it is added again';
revoke all on channels.instances, channels.memberships from public;
`,
}, {
  name: "no names of null",
  text: `
create or replace function channels.group_send("group" text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if "group" is null or "group" !~ '^[A-Za-z0-9_.-]{1,99}$' then
    raise exception 'Cannot send to group "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or "."', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to group "%": the message is no JSON object', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  perform channels.publish_signed(jsonb_build_object('group', "group", 'message', message));
end $$;

create or replace function channels.send(channel text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if channel is null or channel !~ '^[A-Za-z0-9_.-]+(![A-Za-z0-9_.-]+)?$' or length(channel) > 99 then
    raise exception 'Cannot send to channel "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or ".", with one "!" within if it is process-local', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to channel "%": the message is no JSON object', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if position('!' in channel) > 0 then
    perform channels.publish_signed(jsonb_build_object('channel', channel, 'message', message));
    return;
  end if;
  if octet_length(message::text) > 1048576 then
    raise exception 'Cannot send the message: % bytes is more than 1 MiB', octet_length(message::text)
      using errcode = 'program_limit_exceeded';
  end if;
  if not (select put from channels.enqueue(channel, message::json, ${SQL_TTL_MS}, ${SQL_CAPACITY})) then
    raise exception 'Cannot send to channel "%": it is full', channel
      using errcode = 'program_limit_exceeded', hint = 'Nobody reads it, or its readers are too slow';
  end if;
  perform channels.publish_signed(jsonb_build_object('wake', channel));
end $$;
`,
}, {
  name: "messages measured as they are received",
  text: `
create function channels.assert_message(message jsonb) returns void
language plpgsql immutable set search_path = pg_catalog as $$
declare
  body text := message::text;
  bytes int := octet_length(body);
begin
  -- The spaces that jsonb writes after commas and colons do not count; they are a third at most.
  if bytes between 1048577 and 1572864 then
    bytes := octet_length(regexp_replace(body, '("(?:[^"\\\\]|\\\\.)*")| ', '\\1', 'g'));
  end if;
  if bytes > 1048576 then
    raise exception 'Cannot send the message: % bytes is more than 1 MiB', bytes
      using errcode = 'program_limit_exceeded';
  end if;
  -- Shorter ones are not so deep.
  if bytes > 2000 and jsonb_path_exists(message,
    'strict $.**{1000} ? (@.type() == "object" || @.type() == "array")') then
    raise exception 'Cannot send the message: it is nested deeper than 1000'
      using errcode = 'invalid_parameter_value';
  end if;
end $$;
comment on function channels.assert_message is 'Refuses what instances would: a message above 1 MiB as JSON without spaces, or nested deeper than 1,000';

create or replace function channels.publish_signed(event jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  key record;
  nonce text := gen_random_uuid();
  sent_at bigint := extract(epoch from clock_timestamp()) * 1000;
  body text := event::text;
  -- A character is at most four bytes, and a payload holds fewer than 8,000.
  piece_length constant int := 1900;
  pieces int := greatest(1, ceil(length(body)::numeric / piece_length));
  head text;
  piece text;
begin
  select id, secret into strict key from channels.keys order by id desc limit 1;
  for i in 1 .. pieces loop
    piece := substr(body, (i - 1) * piece_length + 1, piece_length);
    head := concat_ws(' ', 's', key.id, nonce, sent_at, i, pieces);
    perform pg_notify('channels_all', concat_ws(' ', head,
      encode(channels.hmac_sha256(key.secret, convert_to(head || ' ' || piece, 'UTF8')), 'hex'), piece));
  end loop;
end $$;

create or replace function channels.group_send("group" text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if "group" is null or "group" !~ '^[A-Za-z0-9_.-]{1,99}$' then
    raise exception 'Cannot send to group "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or "."', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to group "%": the message is no JSON object', "group"
      using errcode = 'invalid_parameter_value';
  end if;
  perform channels.assert_message(message);
  perform channels.publish_signed(jsonb_build_object('group', "group", 'message', message));
end $$;

create or replace function channels.send(channel text, message jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if channel is null or channel !~ '^[A-Za-z0-9_.-]+(![A-Za-z0-9_.-]+)?$' or length(channel) > 99 then
    raise exception 'Cannot send to channel "%": a name has 1 to 99 ASCII letters, digits, "-", "_" or ".", with one "!" within if it is process-local', channel
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(message) is distinct from 'object' then
    raise exception 'Cannot send to channel "%": the message is no JSON object', channel
      using errcode = 'invalid_parameter_value';
  end if;
  perform channels.assert_message(message);
  if position('!' in channel) > 0 then
    perform channels.publish_signed(jsonb_build_object('channel', channel, 'message', message));
    return;
  end if;
  if not (select put from channels.enqueue(channel, message::json, ${SQL_TTL_MS}, ${SQL_CAPACITY})) then
    raise exception 'Cannot send to channel "%": it is full', channel
      using errcode = 'program_limit_exceeded', hint = 'Nobody reads it, or its readers are too slow';
  end if;
  perform channels.publish_signed(jsonb_build_object('wake', channel));
end $$;

revoke all on function channels.assert_message from public;
`,
}];
