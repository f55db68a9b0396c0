import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { load, loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';

import { environmentName } from '#core/runtime/config/names.ts';

import { allOptions } from '../millrace/options.ts';
import { HELM, render, RENDERED, renderedPath, sourceHash } from './render.ts';

type Labels = Readonly<Record<string, string>>;
type Variable = { readonly name: string; readonly value?: string; readonly valueFrom?: unknown };
type Probe = { readonly httpGet: { readonly path: string; readonly port: string } };
type Container = {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly Variable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number; readonly protocol?: string }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string }[];
};
type Resource = {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels } & Labels;
    readonly replicas?: number;
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly podSelector: { readonly matchLabels: Labels };
    readonly ports: readonly { readonly targetPort: string }[];
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    readonly rules: readonly { readonly host: string; readonly http: { readonly paths: readonly { readonly backend: { readonly service: { readonly name: string } } }[] } }[];
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly enableServiceLinks: boolean;
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly Container[];
        readonly volumes?: readonly { readonly name: string }[];
      };
    };
  };
};

const read = (name: string): string => readFileSync(renderedPath(name), 'utf8');
const resources = (name: string): readonly Resource[] => (loadAll(read(name)) as (Resource | null)[]).filter((resource) => resource !== null);
const workloads = (name: string): readonly Resource[] => resources(name).filter(({ kind, metadata }) => ['Deployment', 'StatefulSet'].includes(kind) && !metadata.name.endsWith('-nats'));
const containerOf = (resource: Resource): Container => resource.spec.template.spec.containers[0] as Container;
const variableOf = (resource: Resource, name: string): Variable | undefined => containerOf(resource).env.find((variable) => variable.name === name);
const isWithin = (part: Labels, whole: Labels): boolean => Object.entries(part).every(([key, value]) => whole[key] === value);
const options = new Set([...Object.keys(allOptions).map(environmentName), 'MILLRACE_CONFIG']);
const hasHelm = spawnSync(HELM, ['version']).status === 0;

describe.each(RENDERED)('the Helm chart with %s values', (name) => {
  test('is kept as it is made now (`node infra/helm/render.ts` writes it)', () => {
    expect(/hash is ([0-9a-f]{64})$/m.exec(read(name))?.[1]).toBe(sourceHash(name));
  });

  test.runIf(hasHelm)('is made by helm as it is kept', () => {
    expect(render(name)).toBe(read(name));
  });

  test('runs each role, by its command', () => {
    expect(workloads(name).map((resource) => containerOf(resource).args)).toEqual(expect.arrayContaining([['control'], ['ingest'], ['transcode'], ['edge']]));
    expect(workloads(name)).toHaveLength(4);
  });

  test('sets options that exist, each once, and lets Kubernetes set none', () => {
    for (const resource of workloads(name)) {
      const names = containerOf(resource).env.map((variable) => variable.name).filter((variable) => variable.startsWith('MILLRACE_'));
      expect(names.filter((variable) => !options.has(variable))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      expect(resource.spec.template.spec.enableServiceLinks).toBe(false);
    }
  });

  test('gives pods the time that they need to drain and to close', () => {
    for (const resource of workloads(name)) {
      const drain = Number(variableOf(resource, 'MILLRACE_DRAIN_SECONDS')?.value);
      // Of the process itself 10 s to close, and the sleep before the signal.
      expect(resource.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drain + 10 + 5);
    }
  });

  test('asks where the server answers, on the port that it has', () => {
    for (const resource of workloads(name)) {
      const { livenessProbe, readinessProbe, ports } = containerOf(resource);
      expect(livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
      expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
      expect(ports.find((port) => port.name === 'http')?.containerPort).toBe(allOptions.httpPort.schema.parse(undefined));
      const webrtc = variableOf(resource, 'MILLRACE_WEBRTC_PORT')?.value;
      expect(ports.filter((port) => port.name.startsWith('webrtc')).map((port) => String(port.containerPort))).toEqual(webrtc === undefined ? [] : [webrtc, webrtc]);
    }
  });

  test('runs nothing as root, and lets nothing write but to its data', () => {
    for (const resource of resources(name).filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))) {
      expect(resource.spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(containerOf(resource).securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    }
  });

  test('mounts only volumes that are there', () => {
    for (const { spec } of resources(name).filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))) {
      const volumes = [...(spec.template.spec.volumes ?? []).map((volume) => volume.name), ...(spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name)];
      expect(spec.template.spec.containers.flatMap(({ volumeMounts }) => volumeMounts).filter((mount) => !volumes.includes(mount.name))).toEqual([]);
      expect(new Set(volumes).size).toBe(volumes.length);
    }
  });

  test('selects pods that there are, by every service, budget, policy and autoscaler', () => {
    const pods = resources(name).filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
    const labels = pods.map(({ spec, metadata }) => ({ ...spec.template.metadata.labels, name: metadata.name }));
    for (const { kind, metadata, spec } of resources(name)) {
      if (kind === 'PodDisruptionBudget' || kind === 'NetworkPolicy') {
        const selector = (kind === 'NetworkPolicy' ? spec.podSelector : spec.selector).matchLabels;
        expect(labels.filter((pod) => isWithin(selector, pod)), metadata.name).toHaveLength(1);
      } else if (kind === 'HorizontalPodAutoscaler') {
        expect(pods.some((pod) => pod.kind === spec.scaleTargetRef.kind && pod.metadata.name === spec.scaleTargetRef.name)).toBe(true);
        expect(pods.find((pod) => pod.metadata.name === spec.scaleTargetRef.name)?.spec.replicas).toBeUndefined();
      } else if (kind === 'Service') {
        const pod = spec.selector['statefulset.kubernetes.io/pod-name'];
        const found = pod === undefined ? pods.filter(({ spec: { template } }) => isWithin(spec.selector, template.metadata.labels)) : pods.filter((one) => pod.startsWith(`${one.metadata.name}-`));
        expect(found, metadata.name).toHaveLength(1);
        const ports = containerOf(found[0] as Resource).ports.map((port) => port.name);
        expect(spec.ports.filter((port) => !ports.includes(port.targetPort))).toEqual([]);
      }
    }
  });

  test('leads its addresses to services that there are', () => {
    const services = new Set(resources(name).flatMap(({ kind, metadata }) => (kind === 'Service' ? [metadata.name] : [])));
    const rules = resources(name).flatMap(({ kind, spec }) => (kind === 'Ingress' ? spec.rules : []));
    const targets = rules.flatMap(({ http }) => http.paths.map(({ backend }) => backend.service.name)).filter((target) => !target.endsWith('-nowhere'));
    expect(targets.filter((target) => !services.has(target))).toEqual([]);
    const url = variableOf(workloads(name).find(({ metadata }) => metadata.name.endsWith('-edge')) as Resource, 'MILLRACE_PUBLIC_URL')?.value ?? '';
    const host = new URL(url.replace('$(MILLRACE_NODE_NAME)', 'millrace-edge-0')).host;
    expect(rules.length === 0 || rules.some((rule) => rule.host === host)).toBe(true);
  });
});

/** Where the schema of a resource is, by its `apiVersion`. */
function schemaOf(apiVersion: string): string {
  return apiVersion.startsWith('monitoring.coreos.com/') ? `@kubernetes-models/prometheus-operator/${apiVersion}` : `kubernetes-models/${apiVersion}`;
}

const hasSchemas = ['kubernetes-models', '@kubernetes-models/prometheus-operator'].every((name) => existsSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url)));

describe('the Helm chart', () => {
  test.runIf(hasSchemas).each(RENDERED)('with %s values keeps the schemas of Kubernetes and of the Prometheus operator', async (name) => {
    for (const resource of resources(name)) {
      const models = (await import(/* @vite-ignore */ schemaOf(resource.apiVersion))) as Readonly<Record<string, new (data: unknown) => { validate(): void }>>;
      const Model = models[resource.kind];
      expect(Model, resource.kind).toBeDefined();
      expect(() => Model && new Model(resource).validate(), `${resource.kind} ${resource.metadata.name}`).not.toThrow();
    }
  });

  test('has values with a schema that knows every one of them', () => {
    const values = load(readFileSync(new URL('millrace/values.yaml', import.meta.url), 'utf8')) as Record<string, unknown>;
    const schema = JSON.parse(readFileSync(new URL('millrace/values.schema.json', import.meta.url), 'utf8')) as { properties: Record<string, unknown>; additionalProperties: boolean };
    expect(Object.keys(values).filter((key) => !(key in schema.properties))).toEqual([]);
    expect(schema.additionalProperties).toBe(false);
  });

  test.runIf(hasHelm)('passes helm lint, and refuses a value that is misspelled or wrong', () => {
    const chart = fileURLToPath(new URL('millrace', import.meta.url));
    expect(spawnSync(HELM, ['lint', chart, '--strict', '--kube-version', '1.30.0']).status).toBe(0);
    for (const wrong of ['edges.replicas=3', 'webrtc.mode=tunnel', 'drainSeconds=soon', 'auth.apiToken=short']) {
      expect(spawnSync(HELM, ['template', 'x', chart, '--kube-version', '1.30.0', '--set', wrong]).status, wrong).not.toBe(0);
    }
  });

  test('takes the rules, the dashboard and the NATS configuration that are there', () => {
    const files = ['files/millrace.rules.yaml', 'files/millrace.json', 'files/nats/server.conf', 'files/nats/common.conf', 'files/nats/accounts.conf'];
    expect(files.filter((file) => !existsSync(new URL(`millrace/${file}`, import.meta.url)))).toEqual([]);
    expect(readFileSync(new URL('millrace/files/millrace.rules.yaml', import.meta.url), 'utf8')).toBe(readFileSync(new URL('../prometheus/millrace.rules.yaml', import.meta.url), 'utf8'));
  });

  test('is of the version that package.json has', () => {
    const chart = load(readFileSync(new URL('millrace/Chart.yaml', import.meta.url), 'utf8')) as { appVersion: string };
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(chart.appVersion).toBe(version);
  });
});
