-- The room log. No foreign keys: the append holds the room's row locked, so the room exists, and a key check
-- for each message would cost more than storing it. A deleted room takes its log along by trigger.

create table messages (
  room_id bigint not null,
  seq bigint not null,
  "position" bigint not null,
  version bigint not null,
  id uuid not null,
  sender_id uuid not null,
  sender_name text not null,
  body text not null,
  reply_to bigint,
  created_at timestamptz not null,
  edited_at timestamptz,
  deleted_at timestamptz,
  digest bytea not null,
  primary key (room_id, seq),
  unique (room_id, "position"),
  unique (room_id, id),
  constraint messages_body_length check (char_length(body) <= 8000)
);
comment on table messages is 'The messages of all rooms, as they now are; the view chat_history reads better';
comment on column messages.room_id is 'The room';
comment on column messages.seq is 'Its number among the room''s messages: 1, 2, 3 …, without gaps above rooms.first_seq';
comment on column messages."position" is 'Its place in the room''s log, which messages and changes share; given once, never moved';
comment on column messages.version is 'Position of its last change; its own position when there was none';
comment on column messages.id is 'Made by the client; sending it again stores nothing twice';
comment on column messages.sender_id is 'Who sent it (users.id)';
comment on column messages.sender_name is 'The name that the sender had then';
comment on column messages.body is 'The text; empty once deleted';
comment on column messages.reply_to is 'Seq of the message that it answers';
comment on column messages.created_at is 'When it was stored';
comment on column messages.edited_at is 'When it was last edited';
comment on column messages.deleted_at is 'When it was deleted';
comment on column messages.digest is 'Of sender and content as first sent: tells a repeated send from an id used twice';

create table changes (
  room_id bigint not null,
  "position" bigint not null,
  id uuid not null,
  seq bigint not null,
  kind text not null check (kind in ('edit', 'delete', 'react')),
  changed_by uuid not null,
  created_at timestamptz not null,
  digest bytea not null,
  primary key (room_id, "position"),
  unique (room_id, id)
);
comment on table changes is 'Log entries that change a message; the message itself carries the outcome';
comment on column changes.room_id is 'The room';
comment on column changes."position" is 'Its place in the room''s log, which messages and changes share';
comment on column changes.id is 'Made by the client; sending it again changes nothing twice';
comment on column changes.seq is 'The message that it changes';
comment on column changes.kind is 'edit, delete or react';
comment on column changes.changed_by is 'Who made the change (users.id)';
comment on column changes.created_at is 'When it was stored';
comment on column changes.digest is 'Of the change as first sent: tells a repeated send from an id used twice';

create function delete_room_log() returns trigger language plpgsql as $$
begin
  delete from messages where room_id = old.id;
  delete from changes where room_id = old.id;
  return null;
end $$;
comment on function delete_room_log is 'Trigger: a deleted room takes its log along';
create trigger room_log_deleted after delete on rooms
  for each row execute function delete_room_log();

-- A log grows at its end and is read there: let autovacuum look by insertions, before the index-only
-- statistics of a young table mislead the planner.
alter table messages set (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
