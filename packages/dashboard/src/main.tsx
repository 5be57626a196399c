import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import { App } from "./app.tsx";
import "./styles/theme.css";
import "./styles/page.css";
import "./styles/figures.css";
import "./styles/replicas.css";
import "./styles/stream.css";
import "./styles/drift.css";
import "./styles/narrow.css";

const page = document.getElementById("page");
if (page === null) throw new Error('index.html has no element with the id "page"');

createRoot(page).render(
  <StrictMode>
    <App base={new URL(".", document.baseURI)} now={Date.now} />
  </StrictMode>,
);
