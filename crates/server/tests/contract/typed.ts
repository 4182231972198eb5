// Calls that existing web clients make, typed by the document.
import type { components, paths } from "./api";

export const item: components["schemas"]["NewSyncItem"] = {
  client_id: "0f8fad5b-d9cb-469f-a165-70867728950e",
  entity_type: "inspection_answer",
  entity_data: { inspection_id: 1, checklist_item_id: 2, answer_value: "pass" },
  occurred_at: "2026-03-01T07:00:00Z",
};

export const batch: components["schemas"]["SyncBatch"] = { items: [item] };

type List = paths["/api/defects"]["get"];
export const query: List["parameters"]["query"] = { status: ["open"], page: 1, per_page: 20 };
type Page = List["responses"]["200"]["content"]["application/json"];
export const descriptions = (page: Page): string[] => page.data.map((defect) => defect.description);
export const isLast = (page: Page): boolean => !page.pagination.has_next;

type Failure = components["schemas"]["ErrorBody"];
export const mayRetry = (failure: Failure): boolean => failure.code === "CONFLICT" || failure.code === "UNAVAILABLE";
