-- What is not kept for ever: old messages of rooms that say so, and guests whom nobody will miss.

alter table rooms add column retention_days int
  constraint rooms_retention_days check (retention_days between 1 and 36500);
comment on column rooms.retention_days is 'Messages are kept for so many days; null: for ever. Looked at once an hour';
-- Whoever is removed is looked for here.
create index rooms_of_creator on rooms (created_by) where created_by is not null;

alter table users add column seen_at timestamptz not null default now();
comment on column users.seen_at is 'When this person was last known again, to the day';

-- What was changed in messages that are gone is removed with them.
create index changes_of_message on changes (room_id, seq);

create function raise_first_seq(room_id bigint, max_messages int) returns int
language plpgsql set lock_timeout = '200ms' as $$
#variable_conflict use_column
declare
  p_room alias for room_id;
  p_max alias for max_messages;
  kept_since timestamptz;
  first bigint;
  new_first bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Cannot raise first_seq: transaction isolation is %', current_setting('transaction_isolation')
      using errcode = 'active_sql_transaction';
  end if;
  select r.first_seq, clock_timestamp() - make_interval(days => r.retention_days) into first, kept_since
  from rooms r where r.id = p_room;
  if kept_since is null then return 0; end if;

  -- Without the lock: it is this that fetches old messages from disk. Up to the first that is young enough, so that
  -- no gap arises where the clock was once set back.
  select coalesce(min(m.seq) filter (where m.created_at >= kept_since), max(m.seq) + 1) into new_first
  from (
    select m.seq, m.created_at from messages m
    where m.room_id = p_room and m.seq >= first
    order by m.seq limit p_max
  ) m;
  if new_first is null or new_first = first then return 0; end if;

  perform from rooms r where r.id = p_room for no key update;
  -- A version is the position of a message's last change. So above the highest one of what goes, the log speaks of
  -- what stays only, and has no gap. Read under the lock: a change may have come meanwhile.
  update rooms r set first_seq = new_first, first_position = greatest(r.first_position, gone.version + 1)
  from (
    select max(m.version) as version from messages m
    where m.room_id = p_room and m.seq >= first and m.seq < new_first
  ) gone
  where r.id = p_room and r.first_seq = first;
  return case when found then new_first - first else 0 end;
end $$;
comment on function raise_first_seq is 'Lets a room forget its oldest messages, at most max_messages of those that are older than its retention_days, in its counters; delete_forgotten then removes them. Returns how many. The room''s row is locked for one update only';

create function delete_forgotten(room_id bigint, max_rows int) returns int language sql
begin atomic
  with forgotten as (
    select m.room_id, m.seq from messages m join rooms r on r.id = m.room_id
    where m.room_id = delete_forgotten.room_id and m.seq < r.first_seq
    order by m.seq limit max_rows
  ), gone as (
    delete from messages m using forgotten f where m.room_id = f.room_id and m.seq = f.seq
    returning 1
  ), gone_changes as (
    delete from changes c where (c.room_id, c."position") in (
      select c.room_id, c."position" from changes c join rooms r on r.id = c.room_id
      where c.room_id = delete_forgotten.room_id and c.seq < r.first_seq
      order by c.seq limit max_rows
    )
    returning 1
  )
  select (select count(*) from gone)::int + (select count(*) from gone_changes)::int;
end;
comment on function delete_forgotten is 'Removes messages below the room''s first_seq, and what was changed in such, at most max_rows of each. Returns how many rows; locks no room: nothing changes such messages any more';

-- As before, but a message below first_seq counts as gone, though its row may still be there.
create or replace function append_change(room_id bigint, id uuid, seq bigint, kind text, changed_by uuid, body text default null)
returns table (outcome text, "position" bigint)
language plpgsql
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  p_room alias for room_id;
  p_id alias for id;
  p_seq alias for seq;
  p_kind alias for kind;
  p_by alias for changed_by;
  p_body alias for body;
  at timestamptz;
  first bigint;
  next_position bigint;
  known changes%rowtype;
  fingerprint bytea := substring(sha256(convert_to(concat_ws(' ', p_seq, p_kind, p_by, p_body), 'UTF8')) for 16);
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Cannot append a change: transaction isolation is %', current_setting('transaction_isolation')
      using errcode = 'active_sql_transaction';
  end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  select r.first_seq into first from rooms r where r.id = p_room for no key update;
  if not found then
    return query select 'no_room', null::bigint;
    return;
  end if;
  at := clock_timestamp();
  select * into known from changes c where c.room_id = p_room and c.id = p_id;
  if found then
    return query select case when known.digest = fingerprint then 'duplicate' else 'id_conflict' end, known.position;
    return;
  end if;
  if p_seq < first or not exists (
    select from messages m where m.room_id = p_room and m.seq = p_seq and m.deleted_at is null
  ) then
    return query select 'no_such_message', null::bigint;
    return;
  end if;
  update rooms r set last_position = r.last_position + 1 where r.id = p_room
  returning r.last_position into next_position;
  insert into changes (room_id, "position", id, seq, kind, changed_by, created_at, digest)
  values (p_room, next_position, p_id, p_seq, p_kind, p_by, at, fingerprint);
  update messages m set
    version = next_position,
    body = case p_kind when 'edit' then p_body when 'delete' then '' else m.body end,
    edited_at = case p_kind when 'edit' then at else m.edited_at end,
    deleted_at = case p_kind when 'delete' then at else m.deleted_at end
  where m.room_id = p_room and m.seq = p_seq;
  return query select 'stored', next_position;
end $$;
