// The REST API as one person calls it. A refusal is an Error with the server's `code`.
export class Api {
  constructor(base, identify) {
    this.base = base;
    this.identify = identify;
  }

  async call(method, path, { query = {}, body, form } = {}) {
    const { token } = await this.identify();
    const headers = { authorization: `Bearer ${token}` };
    if (body) headers["content-type"] = "application/json";
    const search = new URLSearchParams(query).toString();
    const answer = await fetch(`${this.base}${path}${search && `?${search}`}`, {
      method, headers, body: form ?? (body && JSON.stringify(body)),
    });
    const said = await answer.json();
    if (answer.ok && said.status !== false) return said;
    throw Object.assign(new Error(said.message), { code: said.code });
  }
}

// The token and the identity of one of the demo's people: signed in once, and again before the token is out of date.
export function identityOf(person, config) {
  let known = null;
  return async () => {
    if (!known || known.expires_at < Date.now() / 1000 + 60) {
      const answer = await fetch(config.signIn, {
        method: "POST",
        headers: { "x-csrftoken": cookie(config.csrfCookie) },
        body: new URLSearchParams({ user_id: person.user_id }),
      });
      if (!answer.ok) throw new Error(`${config.signIn}: ${answer.status}`);
      known = await answer.json();
    }
    return { token: known.token, user_id: person.user_id, user_role: person.role };
  };
}

export function cookie(name) {
  return document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
