/** Runs in workerd: passes calls of the simulation on to D1 and R2, and their answers back. */
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const key = searchParams.get('key');
    try {
      switch (pathname) {
        case '/d1': {
          const statements = await request.json();
          const prepared = statements.map(([text, values]) => env.DB.prepare(text).bind(...values));
          return Response.json(await env.DB.batch(prepared));
        }
        case '/put':
          await env.RAW.put(key, await request.arrayBuffer());
          return new Response(null, { status: 204 });
        case '/get': {
          const object = await env.RAW.get(key);
          return object ? new Response(object.body) : new Response(null, { status: 404 });
        }
        case '/head':
          return new Response(null, { status: (await env.RAW.head(key)) ? 204 : 404 });
        case '/delete':
          await env.RAW.delete(await request.json());
          return new Response(null, { status: 204 });
        case '/list': {
          const { objects, truncated } = await env.RAW.list(await request.json());
          return Response.json({ keys: objects.map((object) => object.key), truncated });
        }
        default:
          return new Response(null, { status: 400 });
      }
    } catch (error) {
      return new Response(error.message, { status: 599 });
    }
  },
};
