create table messages (
  id bigint generated always as identity primary key,
  room text not null,
  client_id uuid not null,
  sender_id uuid not null,
  sender_name text not null,
  message text not null,
  created_at timestamptz not null default now()
);
create index messages_room_id on messages (room, id);

-- As the adapter's documentation says, for payloads that do not fit a notification.
create table socket_io_attachments (
  id bigserial unique,
  created_at timestamptz default now(),
  payload bytea
);
