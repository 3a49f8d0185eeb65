-- The room log's functions. They are the only way in: the counters, the order and the digests are theirs.

create function message_digest(sender_id uuid, body text, reply_to bigint) returns bytea
language sql immutable parallel safe
-- Every part immutable, else it is called once a message instead of being inlined: 20 µs each.
return substring(sha256(uuid_send(sender_id) || int8send(coalesce(reply_to, 0)) || convert_to(body, 'UTF8')) from 1 for 16);
comment on function message_digest is 'What makes two sends under one id the same: 16 bytes of SHA-256 over sender, reply_to and text';

create function log_history() returns text language sql stable
return (select history || '.' || substring(pg_walfile_name(pg_current_wal_insert_lsn()) for 8) from installation);
comment on function log_history is 'The first part of every epoch: the stored history and the server''s timeline, which a promoted standby does not share';

create function begin_new_history(expected text) returns text language plpgsql as $$
begin
  update installation set history = gen_random_uuid() where log_history() = expected;
  return log_history();
end $$;
comment on function begin_new_history is 'Call it after the database was put back to an earlier state: clients are told reset and load anew. expected: log_history() as it was; another one means that somebody has done so already';

create function append_messages(items json)
returns table (item int, outcome text, seq bigint, "position" bigint, created_at timestamptz, access_version bigint)
language plpgsql
set lock_timeout = '500ms'
-- Planning costs more than running a small batch, so the plan is made once; and since the statistics of a young
-- table mislead the planner, it is left no choice: every row is looked up by its index, at any size.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  at timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Cannot append messages: transaction isolation is %', current_setting('transaction_isolation')
      using errcode = 'active_sql_transaction', hint = 'Use read committed: the order is kept by row locks and a fresh snapshot after them.';
  end if;
  -- An ack is a promise. Local to this transaction, so that a role with synchronous_commit off keeps it for the rest.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  -- In id order, so that two batches never wait for each other in a circle.
  perform from rooms
  where id = any (array(select distinct room_id from json_to_recordset(items) as i(room_id bigint)))
  order by id
  for no key update;
  at := clock_timestamp();

  -- A statement of its own: its snapshot is taken after the locks, so it sees all that earlier holders stored.
  return query
  with judged as (
    select i.*, r.last_seq, r.last_position, r.access_version as current_access,
      m.seq as stored_seq, m.position as stored_position, m.created_at as stored_at,
      case
        when r.id is null then 'no_room'
        when m.seq is not null then case when m.digest = i.digest then 'duplicate' else 'id_conflict' end
        when i.access_version <> r.access_version then 'access_changed'
        when i.reply_to > r.last_seq then 'no_such_reply'
        else 'stored'
      end as verdict
    from (
      select i.*, message_digest(i.sender_id, i.body, i.reply_to) as digest
      from rows from (
        json_to_recordset(items) as (room_id bigint, id uuid, sender_id uuid, sender_name text, body text, reply_to bigint, access_version bigint)
      ) with ordinality as i(room_id, id, sender_id, sender_name, body, reply_to, access_version, n)
    ) i
    left join rooms r on r.id = i.room_id
    left join messages m on m.room_id = i.room_id and m.id = i.id
  ),
  -- Of two equal ids within one batch the first counts, the second is compared with it.
  twinned as (
    select j.*, row_number() over twins > 1 as again, first_value(j.n) over twins as first_n,
      case
        when j.verdict <> 'stored' or row_number() over twins = 1 then j.verdict
        when first_value(j.verdict) over twins <> 'stored' then first_value(j.verdict) over twins
        when first_value(j.digest) over twins = j.digest then 'duplicate'
        else 'id_conflict'
      end as outcome
    from judged j
    window twins as (partition by j.room_id, j.id order by j.n)
  ),
  numbered as materialized (
    select t.*, t.outcome = 'stored' as fresh,
      -- As many as are stored up to the first of its id.
      count(*) filter (where t.outcome = 'stored') over (partition by t.room_id order by t.first_n, t.n) as k
    from twinned t
  ),
  advanced as (
    update rooms r
    set last_seq = r.last_seq + f.count, last_position = r.last_position + f.count, last_message_at = at
    from (select room_id, count(*) as count from numbered where fresh group by room_id) f
    where r.id = f.room_id
  ),
  inserted as (
    insert into messages (room_id, seq, "position", version, id, sender_id, sender_name, body, reply_to, created_at, digest)
    select f.room_id, f.last_seq + f.k, f.last_position + f.k, f.last_position + f.k,
      f.id, f.sender_id, f.sender_name, f.body, f.reply_to, at, f.digest
    from numbered f where f.fresh
  )
  select j.n::int, j.outcome,
    case when j.stored_seq is not null then j.stored_seq
      when j.outcome in ('stored', 'duplicate', 'id_conflict') then j.last_seq + j.k end,
    case when j.stored_seq is not null then j.stored_position
      when j.outcome in ('stored', 'duplicate', 'id_conflict') then j.last_position + j.k end,
    case when j.stored_seq is not null then j.stored_at
      when j.outcome in ('stored', 'duplicate', 'id_conflict') then at end,
    j.current_access
  from numbered j
  order by j.n;
end $$;
comment on function append_messages is 'Appends messages to room logs. items: a JSON array of {room_id, id, sender_id, sender_name, body, reply_to?, access_version?}. Returns one row an item: its number in the array from 1, the outcome (stored, duplicate, id_conflict, no_such_reply, access_changed, no_room), its numbers, and the room''s access version. Without an access_version it is not compared: the caller answers for the right.';

create function append_change(room_id bigint, id uuid, seq bigint, kind text, changed_by uuid, body text default null)
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
  perform from rooms r where r.id = p_room for no key update;
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
  if not exists (select from messages m where m.room_id = p_room and m.seq = p_seq and m.deleted_at is null) then
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
comment on function append_change is 'Appends a change (edit, delete, react) of a message to its room''s log and applies it. Returns the outcome (stored, duplicate, id_conflict, no_such_message, no_room) and its position';
