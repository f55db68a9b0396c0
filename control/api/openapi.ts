import { z } from 'zod';

import type { DocumentedAnswer, Route } from './route.ts';
import { schemas, type SchemaName } from './schemas.ts';

/** What the document says besides the routes. */
export type OpenApiOptions = {
  readonly version: string;
  /** Where the server is reached; a path or a whole URL. */
  readonly url: string;
};

/** The API as an OpenAPI 3.1 document, from the routes that serve it and the schemas that the tests judge it by. */
export function openApiDocument(routes: readonly Route[], { version, url }: OpenApiOptions): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version,
      description: 'Live streams: what is on air, how it does, and who is watching. Reading public facts is open; everything else needs the token of the file `api-token` in the server\'s data folder.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: openApiServers(url),
    paths,
    components: { schemas: componentSchemas(), securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

/** Where the server is reached, as the document says it. */
export function openApiServers(url: string): readonly { readonly url: string }[] {
  return [{ url: url.replace(/\/+$/, '') || '/' }];
}

function operation({ operationId, summary, description, path, access, answers, query = [], body }: Route): Record<string, unknown> {
  const parameters = [
    ...pathParameters.filter(({ name }) => path.includes(`{${name}}`)),
    ...query.map(({ name, description: meaning }) => ({ name, in: 'query', required: false, description: meaning, schema: { type: 'string' } })),
  ];
  const security = { open: [{}], 'more-with-token': [{}, { token: [] }], 'token-or-key': [{ token: [] }], token: [{ token: [] }] }[access];
  const responses = Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(answer)]));
  const requestBody = body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: reference(body) } } } };
  return { operationId, summary, description, parameters, security, ...requestBody, responses };
}

const pathParameters = [
  { name: 'stream', in: 'path', required: true, description: 'The stream\'s public name.', schema: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$' } },
  { name: 'id', in: 'path', required: true, description: 'The recording\'s id: that of its broadcast.', schema: { type: 'string' } },
];

function reference(schema: SchemaName): Record<string, unknown> {
  return { $ref: `#/components/schemas/${schema}` };
}

function response({ description, schema, contentType, empty = false }: DocumentedAnswer): Record<string, unknown> {
  if (empty) {
    return { description };
  }
  const body = schema === undefined ? { type: 'object' } : reference(schema);
  return { description, content: { [contentType ?? 'application/json']: { schema: body } } };
}

function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  Object.entries(schemas).forEach(([id, schema]) => registry.add(schema, { id }));
  const generated = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      // A client made from this document goes on working when an answer gains a field.
      delete jsonSchema.additionalProperties;
      // `format` says it; the pattern is as long as a page.
      if (jsonSchema.format === 'date-time') {
        delete jsonSchema.pattern;
      }
    },
  });
  return Object.fromEntries(Object.entries(generated.schemas).map(([id, { $schema: _draft, $id: _id, ...schema }]) => [id, schema]));
}
