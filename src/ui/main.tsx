import { LobbyPage } from "./lobby/lobby_page.tsx";
import { RoomPage } from "./room/room_page.tsx";
import { routeOf } from "./route.ts";
import { startPage } from "./start_page.tsx";
import { followVisibleHeight } from "./visible_height.ts";

followVisibleHeight(document.documentElement);
const route = routeOf(location.pathname);
startPage(route.page === "room" ? <RoomPage name={route.room} /> : <LobbyPage />);
