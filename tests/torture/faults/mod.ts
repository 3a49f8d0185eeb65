import type { FaultName } from "../schedule.ts";
import type { Fault } from "../world.ts";
import { away, cutClients, slowReaders, swallowClients } from "./clients.ts";
import { failOver, fillUp, longOutage, putBack, stopFast, stopImmediate } from "./database.ts";
import { drain, freeze, kill, rollingRestart } from "./instances.ts";
import { cutLink, freezeListener, swallowLink } from "./links.ts";
import { overload } from "./overload.ts";
import { endAll, endListeners, endWriters, floodRoom, lockRoom } from "./sessions.ts";

/** Every fault by its name in the schedule. */
export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  "stop fast": stopFast,
  "stop immediate": stopImmediate,
  "long outage": longOutage,
  "put back": putBack,
  "fail over": failOver,
  "fill up": fillUp,
  "end listeners": endListeners,
  "end writers": endWriters,
  "end all": endAll,
  "lock a room": lockRoom,
  "flood a room": floodRoom,
  "kill": kill,
  "freeze": freeze,
  "drain": drain,
  "rolling restart": rollingRestart,
  "cut link": cutLink,
  "swallow link": swallowLink,
  "freeze listener": freezeListener,
  "cut clients": cutClients,
  "swallow clients": swallowClients,
  "away": away,
  "slow readers": slowReaders,
  "overload": overload,
};
