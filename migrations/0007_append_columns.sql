-- Appends take their items as columns: PostgreSQL reads arrays in a third of the time that the same items take
-- as JSON, and a batch was read twice. The JSON form stays for psql, and for older servers beside newer ones.

create function append_messages(
  room_ids bigint[], ids uuid[], sender_ids uuid[], sender_names text[], bodies text[], reply_tos bigint[],
  access_versions bigint[]
)
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
  last_turn int;
  turns int[];
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
  perform from rooms where id = any (room_ids) order by id for no key update;
  at := clock_timestamp();

  -- Of equal ids the first has its turn first; the second then finds what that one stored. Nearly always there
  -- is one turn, and nothing to number.
  select max(times) into last_turn
  from (select count(*) as times from unnest(room_ids, ids) as i(room_id, id) group by room_id, id) i;
  if last_turn > 1 then
    select array_agg(turn order by n) into turns
    from (
      select n, row_number() over (partition by room_id, id order by n) as turn
      from unnest(room_ids, ids) with ordinality as i(room_id, id, n)
    ) i;
  end if;

  for turn in 1 .. coalesce(last_turn, 0) loop
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
          -- The first of this id was refused for good: this one, whatever it says, is not let past it.
          when turn > 1 then 'id_conflict'
          else 'stored'
        end as outcome
      from (
        select i.*, message_digest(i.sender_id, i.body, i.reply_to) as digest
        from unnest(room_ids, ids, sender_ids, sender_names, bodies, reply_tos, access_versions) with ordinality
          as i(room_id, id, sender_id, sender_name, body, reply_to, access_version, n)
        where turns is null or turns[i.n] = turn
      ) i
      left join rooms r on r.id = i.room_id
      left join messages m on m.room_id = i.room_id and m.id = i.id
    ),
    numbered as materialized (
      select j.*,
        count(*) filter (where j.outcome = 'stored')
          over (partition by j.room_id order by j.n rows unbounded preceding) as k
      from judged j
    ),
    advanced as (
      update rooms r
      set last_seq = r.last_seq + f.count, last_position = r.last_position + f.count, last_message_at = at
      from (select room_id, count(*) as count from numbered where outcome = 'stored' group by room_id) f
      where r.id = f.room_id
    ),
    inserted as (
      insert into messages (room_id, seq, "position", version, id, sender_id, sender_name, body, reply_to, created_at, digest)
      select f.room_id, f.last_seq + f.k, f.last_position + f.k, f.last_position + f.k,
        f.id, f.sender_id, f.sender_name, f.body, f.reply_to, at, f.digest
      from numbered f where f.outcome = 'stored'
    )
    select j.n::int, j.outcome,
      case when j.outcome = 'stored' then j.last_seq + j.k else j.stored_seq end,
      case when j.outcome = 'stored' then j.last_position + j.k else j.stored_position end,
      case when j.outcome = 'stored' then at else j.stored_at end,
      j.current_access
    from numbered j;
  end loop;
end $$;
comment on function append_messages(bigint[], uuid[], uuid[], text[], text[], bigint[], bigint[]) is 'Appends messages to room logs; the nth elements of the arrays are the nth item. Returns one row an item, in no order: its number from 1, the outcome (stored, duplicate, id_conflict, no_such_reply, access_changed, no_room), its numbers, and the room''s access version. An access_version of null is not compared: the caller answers for the right.';

create or replace function append_messages(items json)
returns table (item int, outcome text, seq bigint, "position" bigint, created_at timestamptz, access_version bigint)
language plpgsql
as $$
begin
  return query
  select a.*
  from (
    select array_agg(i.room_id order by n) as room_ids, array_agg(i.id order by n) as ids,
      array_agg(i.sender_id order by n) as sender_ids, array_agg(i.sender_name order by n) as sender_names,
      array_agg(i.body order by n) as bodies, array_agg(i.reply_to order by n) as reply_tos,
      array_agg(i.access_version order by n) as access_versions
    from rows from (
      json_to_recordset(items) as (room_id bigint, id uuid, sender_id uuid, sender_name text, body text, reply_to bigint, access_version bigint)
    ) with ordinality as i(room_id, id, sender_id, sender_name, body, reply_to, access_version, n)
  ) i,
  append_messages(i.room_ids, i.ids, i.sender_ids, i.sender_names, i.bodies, i.reply_tos, i.access_versions) a
  order by a.item;
end $$;
comment on function append_messages(json) is 'Appends messages to room logs. items: a JSON array of {room_id, id, sender_id, sender_name, body, reply_to?, access_version?}. Returns one row an item, in the order of the array: its number from 1, the outcome (stored, duplicate, id_conflict, no_such_reply, access_changed, no_room), its numbers, and the room''s access version. Without an access_version it is not compared: the caller answers for the right.';
