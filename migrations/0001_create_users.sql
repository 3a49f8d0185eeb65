-- Who somebody is. Guests are rows, too: what they said stays theirs when they come back.

create table users (
  id uuid primary key default gen_random_uuid(),
  name text not null check (char_length(name) between 1 and 40),
  is_guest boolean not null default true,
  created_at timestamptz not null default now()
);
comment on table users is 'Everybody who ever spoke or was let in: members and guests';
comment on column users.id is 'Stable for as long as the person keeps the signed cookie or the account';
comment on column users.name is 'What others see; messages keep the name that their sender had when sending';
comment on column users.is_guest is 'True: known by a signed cookie only, without an account';
comment on column users.created_at is 'When this person was first seen';

create table server_keys (
  name text primary key,
  secret bytea not null check (octet_length(secret) >= 32),
  created_at timestamptz not null default now()
);
comment on table server_keys is 'Secrets that all instances share and nobody else reads';
comment on column server_keys.name is 'What the key is for: guest_cookie signs the cookies of guests';
comment on column server_keys.secret is 'Random bytes';
comment on column server_keys.created_at is 'When the key was made';
revoke all on server_keys from public;

-- Two UUIDs are 244 random bits from the server's strong source, without an extension.
insert into server_keys (name, secret)
values ('guest_cookie', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
