/** An instance with one member in a group, in a process of its own: to be killed. */
import { postgresChannelLayer } from "../../src/channels/mod.ts";

const [url, group] = Deno.args as [string, string];
const layer = await postgresChannelLayer({ url });
const channel = layer.newChannel("member");
await layer.groupAdd(group, channel, { info: { pid: Deno.pid } });
await layer.presence(group);
console.log(channel);
layer.subscribe(channel, () => {});
