// What a program of a client does: `make clients` checks its types, nothing runs it.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Schemas = components["schemas"];
type Offer = Schemas["OfferOut"];
type Load = Schemas["LoadOut"];

const client = createClient<paths>({ baseUrl: "https://backhaul.example" });

// Fields that every answer has are no `undefined`; nullable ones are `null`.
export function inWords(offer: Offer): string {
  const gain: number = offer.score_cents;
  const why: Schemas["DeclineReason"] | null = offer.decline_reason;
  const pickup: string = offer.load.pickup_place ?? "not named";
  const ends: string[] = offer.terms.map((term) => `${term.name}: ${term.value}`);
  const empty: number = offer.figures.empty_after_m - offer.figures.empty_before_m;
  return [offer.status, gain, pickup, why ?? "open", empty, ...ends].join(" ");
}

export async function bestOffer(): Promise<Offer | null> {
  const query = { is_open: true, limit: 3 };
  const { data, error } = await client.GET("/v1/offers", { params: { query } });
  if (error !== undefined) {
    throw new Error(`${error.code}: ${error.detail}`);
  }
  return data.data[0] ?? null;
}

export async function accept(offer: Offer): Promise<string> {
  const path = { offer_id: offer.id };
  const answer = await client.PUT("/v1/offers/{offer_id}/acceptance", {
    params: { path },
  });
  if (answer.error !== undefined) {
    return answer.error.code === "offer-taken" ? "too late" : answer.error.title;
  }
  const stops: Load["stops"] = answer.data.load.stops;
  return stops.map((stop) => `${stop.kind} ${stop.window_until}`).join(", ");
}

export async function decline(offer: Offer): Promise<void> {
  await client.PUT("/v1/offers/{offer_id}/decline", {
    params: { path: { offer_id: offer.id } },
    body: { reason: "price" },
  });
}

// Only what is required must be given, whatever has a default.
const stop = {
  lat: 32.78,
  lon: -96.8,
  window_from: "2026-11-27T08:00:00Z",
  window_until: "2026-11-27T18:00:00Z",
  zone: "America/Chicago",
};
export const load: Schemas["LoadIn"] = {
  equipment: ["van"],
  price_cents: 250_000,
  stops: [
    { ...stop, kind: "pickup" },
    { ...stop, kind: "delivery" },
  ],
};
export const edit: Schemas["LoadEdit"] = { commodity: null };

export async function report(fix: Schemas["FixIn"]): Promise<string[]> {
  const { data } = await client.POST("/v1/positions", { body: { fixes: [fix] } });
  return (data?.results ?? []).map((result) => result.reason ?? result.status);
}

export async function pull(cursor: string | undefined): Promise<string> {
  const query = cursor === undefined ? {} : { cursor };
  const { data } = await client.GET("/v1/sync", { params: { query } });
  for (const change of data?.changes ?? []) {
    // What only some answers have may be missing.
    const followed: Load | undefined = change.load;
    console.log(change.id, change.deleted, followed?.references?.[0]?.value);
  }
  return data?.cursor ?? "";
}

export async function why(searchId: string, loadId: string): Promise<string> {
  const { data } = await client.GET(
    "/v1/backhaul-searches/{search_id}/explanation",
    { params: { path: { search_id: searchId }, query: { load_id: loadId } } },
  );
  const limit: number | string | undefined = data?.figure?.limit;
  return `${data?.verdict}: ${data?.reason} ${data?.stage} ${limit}`;
}

export function counted(search: Schemas["SearchOut"]): number {
  const excluded = (search.counts.stages ?? []).map((stage) => stage.excluded);
  return excluded.flatMap((reasons) => Object.values(reasons)).reduce((a, b) => a + b, 0);
}
