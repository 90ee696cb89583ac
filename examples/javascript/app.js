// A function in JavaScript: what a service worker would be, with `Request`, `Response` and `fetch` of the web.

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/') {
    return new Response('hello from JavaScript\n', { headers: { 'content-type': 'text/plain' } });
  }
  if (pathname === '/sum' && request.method === 'POST') {
    return sum(request);
  }
  return problem(404, 'there is GET / and POST /sum');
}

async function sum(request) {
  let body;
  try {
    body = await request.json();
  } catch (error) {
    return problem(400, `the body is not JSON: ${error.message}`);
  }
  const numbers = body?.numbers;
  if (!Array.isArray(numbers) || !numbers.every(Number.isFinite)) {
    return problem(400, 'send {"numbers": [1, 2, 3.5]}');
  }
  return Response.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
}

function problem(status, detail) {
  return Response.json({ status, detail }, { status });
}
