import { startPage } from "../start_page.tsx";
import { TasksPage } from "./tasks_page.tsx";

startPage(<TasksPage />);
