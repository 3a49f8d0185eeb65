import postgres from "postgres";

/** Options of {@linkcode migrateChannels}. */
export interface MigrateChannelsOptions {
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
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "maru-migrate" },
  });
  try {
    await sql.unsafe(`select pg_advisory_xact_lock(${LOCK}); ${VERSIONS}`);
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
}];
