-- For people with psql.

create view chat_history as
select r.name as room, m.seq, m.created_at as at, m.sender_name as sender, m.body as message,
  m.edited_at is not null as edited, m.deleted_at is not null as deleted
from messages m join rooms r on r.id = m.room_id
order by r.name, m.seq;
comment on view chat_history is 'The conversations, to be read: select * from chat_history where room = ''lobby''';
comment on column chat_history.room is 'The room''s name';
comment on column chat_history.seq is 'The message''s number in its room';
comment on column chat_history.at is 'When it was stored';
comment on column chat_history.sender is 'The name that the sender had then';
comment on column chat_history.message is 'The text as it now is; empty when deleted';
comment on column chat_history.edited is 'Whether it was edited';
comment on column chat_history.deleted is 'Whether it was deleted';

create view room_overview as
select r.name as room, r.is_private as private, r.last_seq - r.first_seq + 1 as messages,
  (select count(*) from members m where m.room_id = r.id and m.role <> 'banned') as members,
  r.created_at, r.last_message_at,
  last.sender_name as last_sender, left(last.body, 60) as last_message
from rooms r
left join messages last on last.room_id = r.id and last.seq = r.last_seq
order by r.last_message_at desc nulls last;
comment on view room_overview is 'One row a room, the most recently active first';
comment on column room_overview.room is 'The room''s name';
comment on column room_overview.private is 'Whether only members may enter';
comment on column room_overview.messages is 'How many messages are kept';
comment on column room_overview.members is 'How many people are its members';
comment on column room_overview.created_at is 'When it was made';
comment on column room_overview.last_message_at is 'When its newest message was stored';
comment on column room_overview.last_sender is 'Who spoke last';
comment on column room_overview.last_message is 'The beginning of the newest message';
