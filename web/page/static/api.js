// The gateway, asked. The token is in memory and nowhere else.

const FIRST_WAIT = 500, LONGEST_WAIT = 8000; // ms, before a broken stream is asked for again

/** Problem is an error that the gateway said. */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem?.message ?? `the gateway answered ${status}`);
    this.status = status;
    this.code = problem?.code ?? "internal";
  }
}

export class Gateway {
  #token;

  constructor(token) { this.#token = token; }

  /** ask gives the answer's JSON. An error status that has an answer all the
   * same (a store that nobody took, values that are not there) is no error
   * where bear says so. */
  async ask(path, { method = "GET", body, json, bear = false, signal } = {}) {
    const headers = this.#headers({ Accept: "application/json" });
    if (json !== undefined) { headers["Content-Type"] = "application/json"; body = JSON.stringify(json); }
    const response = await fetch(path, { method, headers, body, signal, cache: "no-store" });
    const text = await response.text();
    let answer = {};
    try { answer = text ? JSON.parse(text) : {}; } catch { /* not JSON: the status says it */ }
    if (!response.ok && !(bear && (answer.key || answer.target))) throw new Problem(response.status, answer.error);
    return answer;
  }

  /** stream hears server-sent events until they end. on(name, data) gets each. */
  async stream(path, { on, opened, signal }) {
    const response = await fetch(path, { headers: this.#headers({ Accept: "text/event-stream" }), signal, cache: "no-store" });
    if (!response.ok) {
      const answer = await response.json().catch(() => ({}));
      throw new Problem(response.status, answer.error);
    }
    opened?.();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const messages = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
      rest = messages.pop();
      for (const message of messages) hear(message, on);
    }
  }

  /** follow is stream, again and again until signal ends it. */
  async follow(path, { on, state, signal }) {
    for (let wait = FIRST_WAIT; !signal.aborted;) {
      try {
        await this.stream(path, { on, signal, opened: () => { wait = FIRST_WAIT; state?.(true); } });
      } catch { /* the wait below is what there is to do */ }
      if (signal.aborted) return;
      state?.(false);
      await new Promise((again) => {
        const timer = setTimeout(again, wait);
        signal.addEventListener("abort", () => { clearTimeout(timer); again(); }, { once: true });
      });
      wait = Math.min(2 * wait, LONGEST_WAIT);
    }
  }

  #headers(headers) {
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    return headers;
  }
}

function hear(message, on) {
  let name = "message", data = "";
  for (const line of message.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trimStart();
  }
  if (!data) return;
  let event;
  try { event = JSON.parse(data); } catch { return; }
  on(name, event);
}

/** takeToken reads ?token= and removes it from the address bar. */
export function takeToken() {
  const here = new URL(location.href);
  const token = here.searchParams.get("token");
  if (token) {
    here.searchParams.delete("token");
    history.replaceState(null, "", here);
  }
  return token;
}
