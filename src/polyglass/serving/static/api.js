// The server that this page came from. Every failure is a Refusal, with words and with how long to wait, if that helps.

import { key } from "./memory.js";

/** status: of HTTP; 0 if nobody answered. code: one word. retryAfter: seconds, or null if asking again is no use. */
export class Refusal extends Error {
  constructor(status, code, message, hint = "", retryAfter = null) {
    super(message);
    Object.assign(this, { status, code, hint, retryAfter });
  }
}

const GONE_SECONDS = 3;

export const facts = (signal) => json("/page.json", { signal });
export const models = (signal) => json("/v1/models", { signal });
export const translate = (asked, signal) => json("/v1/translate", { body: asked, signal });
export const explore = (model) => json("/v1/explore", { body: { model } });

/** Translate a long text. on: functions for the events, by their names. */
export async function stream(asked, on, signal) {
  const reply = await ask("/v1/translate/stream", { body: asked, signal });
  let rest = "";
  let ended = false;
  try {
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const frames = (rest + part.value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(frame) ?? [];
        const value = JSON.parse(data);
        if (event === "error") throw new Refusal(503, value.code, value.message, value.hint, value.code === "too_busy" ? 2 : null);
        ended ||= event === "done";
        on[event]?.(value);
      }
    }
  } catch (error) {
    throw error instanceof Refusal || signal?.aborted ? error : gone();
  }
  if (!ended) throw gone();
}

/** Hand a file in; returns what it is asked for with. */
export async function sendFile(file, { source, target }, signal) {
  const form = new FormData();
  form.set("target_lang", target);
  if (source !== "auto") form.set("source_lang", source);
  form.set("file", file, file.name);
  return (await ask("/v2/document", { form, signal })).json();
}

export const fileStatus = ({ document_id, document_key }, signal) => json(`/v2/document/${document_id}`, { body: { document_key }, signal });

export async function fileResult({ document_id, document_key }, signal) {
  return (await ask(`/v2/document/${document_id}/result`, { body: { document_key }, signal })).blob();
}

async function json(path, options) {
  return (await ask(path, options)).json();
}

async function ask(path, { body, form, signal }) {
  const headers = {};
  if (key()) headers.Authorization = `Bearer ${key()}`;
  if (body) headers["Content-Type"] = "application/json";
  const sent = body ? JSON.stringify(body) : form;
  let reply;
  try {
    reply = await fetch(path, { method: sent ? "POST" : "GET", headers, body: sent, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw gone();
  }
  if (reply.ok) return reply;
  throw await refusalOf(reply);
}

function gone() {
  return new Refusal(0, navigator.onLine ? "gone" : "offline", "", "", GONE_SECONDS);
}

async function refusalOf(reply) {
  const seconds = parseInt(reply.headers.get("Retry-After"), 10);
  const wait = Number.isFinite(seconds) ? seconds : null;
  try {
    const { error, message } = await reply.json();
    if (error?.message) return new Refusal(reply.status, error.code, error.message, error.hint, wait);
    return new Refusal(reply.status, "", message ?? error, "", wait);
  } catch {
    return new Refusal(reply.status, "", `${reply.status} ${reply.statusText}`, "", wait); // a proxy speaks, not polyglass
  }
}
