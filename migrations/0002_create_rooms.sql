-- Rooms and the counters of their logs. Every append updates its room's row, so the row is narrow, its
-- page half empty, and no changing column is indexed: such an update stays within its page (HOT).

create table installation (
  only_one boolean primary key default true check (only_one),
  history uuid not null default gen_random_uuid(),
  min_server int not null default 1
);
comment on table installation is 'One row: what is true of this database as a whole';
comment on column installation.only_one is 'Keeps the table at one row';
comment on column installation.history is 'Names the history that positions belong to; a new one (begin_new_history) makes every client load anew';
comment on column installation.min_server is 'The oldest server that can work with this schema; older ones refuse to start';
insert into installation default values;

create table rooms (
  id bigint primary key generated always as identity,
  name text not null check (char_length(name) between 1 and 100),
  key text not null unique,
  is_private boolean not null default false,
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  first_seq bigint not null default 1,
  first_position bigint not null default 1,
  last_seq bigint not null default 0,
  last_position bigint not null default 0,
  last_message_at timestamptz,
  access_version bigint not null default 1,
  check (last_seq <= last_position)
) with (fillfactor = 50);
comment on table rooms is 'A room and the counters of its log';
comment on column rooms.id is 'Never used again: a room created anew under an old name is another room';
comment on column rooms.name is 'As its creator wrote it, in NFC';
comment on column rooms.key is 'The name case-folded: two spellings of one name are one room';
comment on column rooms.is_private is 'True: only members may enter';
comment on column rooms.created_by is 'Who made it; null when unknown or gone';
comment on column rooms.created_at is 'When it was made';
comment on column rooms.first_seq is 'The oldest message that retention left; there are no gaps above it';
comment on column rooms.first_position is 'The oldest log entry that retention left';
comment on column rooms.last_seq is 'Number of the newest message; 0 when there is none';
comment on column rooms.last_position is 'Position of the newest log entry; 0 when there is none';
comment on column rooms.last_message_at is 'When the newest message was stored';
comment on column rooms.access_version is 'Grows with every change of a right; an append that was authorised under another one is sent back';

create table members (
  room_id bigint not null references rooms (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null default 'member' check (role in ('owner', 'member', 'banned')),
  last_read_seq bigint not null default 0,
  joined_at timestamptz not null default now(),
  primary key (room_id, user_id)
);
create index members_of_user on members (user_id);
comment on table members is 'What somebody is in a room; in a public room nobody needs a row';
comment on column members.room_id is 'The room';
comment on column members.user_id is 'The person';
comment on column members.role is 'owner, member, or banned: a banned person may neither read nor write';
comment on column members.last_read_seq is 'Read up to this message; rooms.last_seq minus this is the unread count';
comment on column members.joined_at is 'Since when';

-- Whatever changes a right, from the server or from psql, moves the room's access version: what was
-- authorised before and is not stored yet goes back to the policy. The instances hear of it at once by
-- the channel layer (the group maru.access), and by the sweep where that is lost.
create function tell_access_changed(room_id bigint) returns void language plpgsql as $$
begin
  if to_regprocedure('channels.group_send(text,jsonb)') is not null then
    perform channels.group_send('maru.access', jsonb_build_object('type', 'access.changed', 'room_id', room_id));
  end if;
end $$;
comment on function tell_access_changed is 'Tells all instances that the rights of a room have changed';

create function bump_access_version() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  changed bigint;
begin
  if tg_table_name = 'rooms' then
    if tg_op = 'UPDATE' then new.access_version := old.access_version + 1; end if;
    perform tell_access_changed(old.id);
    return case when tg_op = 'UPDATE' then new end;
  end if;
  foreach changed in array case tg_op
    when 'INSERT' then array[new.room_id]
    when 'DELETE' then array[old.room_id]
    else array[old.room_id, new.room_id] end
  loop
    update rooms set access_version = access_version + 1 where id = changed;
    perform tell_access_changed(changed);
  end loop;
  return null;
end $$;
comment on function bump_access_version is 'Trigger: a changed right changes rooms.access_version, and is told';

create trigger room_access_changed before update of is_private on rooms
  for each row when (old.is_private is distinct from new.is_private)
  execute function bump_access_version();
create trigger room_deleted after delete on rooms
  for each row execute function bump_access_version();
create trigger member_access_changed after insert or delete or update of room_id, user_id, role on members
  for each row execute function bump_access_version();
