import { Hono } from "hono";
import { upgradeWebSocket } from "hono/deno";
import * as channels from "maru/channels";

class ChatConsumer extends channels.JsonWebSocketConsumer {
  override connect() {
    this.groups = [`chat_${this.scope.params["room"]}`];
    return this.accept();
  }

  override receiveJson(content: unknown) {
    const { message } = content as { message: string };
    return this.layer.groupSend(this.groups[0]!, { type: "chat.message", message });
  }

  chatMessage({ message }: channels.Message) {
    this.sendJson({ message });
  }
}

const url = Deno.env.get("DATABASE_URL");
const layer = url ? await channels.postgresChannelLayer({ url }) : channels.memoryChannelLayer();
const socket = channels.websocketConsumer(upgradeWebSocket, () => new ChatConsumer(), { layer });
const page = (name: string) => Deno.readTextFile(new URL(name, import.meta.url));

const app = new Hono()
  .get("/chat/", async (c) => c.html(await page("index.html")))
  .get("/chat/:room/", async (c) => c.html(await page("room.html")))
  .get("/ws/chat/:room{[A-Za-z0-9_-]{1,50}}/", socket);
Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8001) }, app.fetch);
