import { digest } from "../participant.ts";
import { SQL_SENDER } from "../said.ts";
import type { World } from "../world.ts";

/**
 * A program writes some messages to a room by SQL, in one statement. Each has a text of its own, so
 * that one that is stored twice can be told from two.
 */
export async function writeBySql(
  { database, written }: World,
  room: string,
  texts: readonly string[],
): Promise<void> {
  const messages = texts.map((text) => {
    const id = crypto.randomUUID();
    return { id, body: `${text} ${id}` };
  });
  // Before it is known whether they are stored: a lost answer leaves that open.
  for (const { id, body } of messages) written.push({ room, id, text: digest(body) });
  await database.ask((sql) =>
    sql`
      select count(*) from append_messages((
        select json_agg(json_build_object(
          'room_id', r.id, 'id', m.id, 'sender_id', gen_random_uuid(),
          'sender_name', ${SQL_SENDER}::text, 'body', m.body))
        from rooms r, json_to_recordset(${
      JSON.stringify(messages)
    }::text::json) m(id uuid, body text)
        where r.key = ${room}))`
  );
}
