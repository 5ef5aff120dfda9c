// Questions to the server. Each failure is an ApiError with words that can be shown.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** GET → JSON. Empty parameters are left out. `signal` cancels. */
export async function get(path, params = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '' && value !== null));
  let response;
  try {
    response = await fetch(query.size ? `${path}?${query}` : path, { signal, headers: { Accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'Riskwire does not answer. Is it still running?');
  }
  if (response.status === 401) {
    location.reload(); // the session has ended: the server answers with its sign-in form
    throw new ApiError(401, 'Signed out.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, [body.error ?? `Error ${response.status}`, body.hint].filter(Boolean).join('. '));
  return body;
}

/** One question at a time: a newer one cancels the older, so that a slow answer never overwrites a fresh one. */
export function latest() {
  let controller = null;
  return (path, params) => {
    controller?.abort();
    controller = new AbortController();
    return get(path, params, controller.signal);
  };
}

export const wasCancelled = (error) => error.name === 'AbortError';
