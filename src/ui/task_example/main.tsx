import { startPage } from "../start_page.tsx";
import { SweepPage } from "./sweep_page.tsx";

startPage(<SweepPage />);
