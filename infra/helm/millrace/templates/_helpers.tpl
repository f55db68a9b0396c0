{{- define "millrace.name" -}}
{{- if contains "millrace" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-millrace" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "millrace.labels" -}}
app.kubernetes.io/name: millrace
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "millrace.selector" -}}
app.kubernetes.io/name: millrace
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "millrace.secret" -}}
{{ .Values.auth.existingSecret | default (include "millrace.name" .) }}
{{- end }}

{{- define "millrace.image" -}}
{{- if and .root.Values.image.slim (has .role (list "ingest" "control")) -}}
{{ .root.Values.image.slim }}
{{- else -}}
{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "millrace.natsUrl" -}}
{{- if .Values.nats.url }}{{ .Values.nats.url }}
{{- else if .Values.nats.bundled.enabled }}nats://{{ include "millrace.name" . }}-nats:4222
{{- else }}{{ fail "Set nats.url, or nats.bundled.enabled." }}
{{- end -}}
{{- end }}

{{/* Seconds that a pod is given: to drain, 10 to close, 5 until load balancers know, and 5 to spare. */}}
{{- define "millrace.grace" -}}
{{ add .Values.drainSeconds 20 }}
{{- end }}

{{/* Pods of a role: root, role, values; port: of WebRTC, where it has one; url: of the pod or of all; replicas of a kind with names that stay. */}}
{{- define "millrace.pod" -}}
{{- $values := .values -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "millrace.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ printf "%s %s" (toYaml $root.Values.config) (toYaml $root.Values.auth) | sha256sum }}
spec:
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  automountServiceAccountToken: false
  # Else Kubernetes sets variables like MILLRACE_HTTP_PORT for the services of the same name.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "millrace.grace" $root }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "millrace.selector" . | nindent 10 }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: millrace
      image: {{ include "millrace.image" . | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ .role }}]
      env:
        - name: MILLRACE_NODE_NAME
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        - name: MILLRACE_NATS_URL
          value: {{ include "millrace.natsUrl" $root | quote }}
        - name: MILLRACE_NATS_USER
          value: {{ $root.Values.nats.user | quote }}
        - name: MILLRACE_NATS_PASSWORD
          valueFrom: { secretKeyRef: { name: {{ include "millrace.secret" $root }}, key: nats-password } }
        - name: MILLRACE_NATS_REPLICAS
          value: {{ $root.Values.nats.replicas | quote }}
        - name: MILLRACE_API_TOKEN
          valueFrom: { secretKeyRef: { name: {{ include "millrace.secret" $root }}, key: api-token } }
        {{- if eq .role "control" }}
        - name: MILLRACE_STREAM_KEYS
          valueFrom: { secretKeyRef: { name: {{ include "millrace.secret" $root }}, key: stream-keys, optional: true } }
        {{- end }}
        - name: MILLRACE_DRAIN_SECONDS
          value: {{ $root.Values.drainSeconds | quote }}
        - name: MILLRACE_LOG_FORMAT
          value: json
        {{- with $root.Values.region }}
        - name: MILLRACE_REGION
          value: {{ . | quote }}
        {{- end }}
        {{- with $root.Values.trustProxy }}
        - name: MILLRACE_TRUST_PROXY
          value: {{ . | quote }}
        {{- end }}
        {{- if eq .role "edge" }}
        - name: MILLRACE_ARCHIVE
          value: {{ ternary "on" "off" $root.Values.edge.archive.enabled | quote }}
        {{- end }}
        {{- with .url }}
        - name: MILLRACE_PUBLIC_URL
          value: {{ . | quote }}
        {{- end }}
        {{- if .port }}
        - name: MILLRACE_WEBRTC_PORT
          value: {{ .port | quote }}
        {{- if eq $root.Values.webrtc.mode "hostPort" }}
        {{- if contains "NODE" $root.Values.webrtc.publicHost }}
        - name: KUBERNETES_NODE
          valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
        - name: MILLRACE_PUBLIC_HOST
          value: {{ $root.Values.webrtc.publicHost | replace "NODE" "$(KUBERNETES_NODE)" | quote }}
        {{- else if $root.Values.webrtc.publicHost }}
        - name: MILLRACE_PUBLIC_HOST
          value: {{ $root.Values.webrtc.publicHost | quote }}
        {{- else }}
        - name: MILLRACE_PUBLIC_HOST
          valueFrom: { fieldRef: { fieldPath: status.hostIP } }
        {{- end }}
        {{- else if eq $root.Values.webrtc.mode "loadBalancer" }}
        - name: MILLRACE_PUBLIC_HOST
          value: "$(MILLRACE_NODE_NAME).rtc.{{ $root.Values.host }}"
        {{- end }}
        {{- end }}
        {{- if $root.Values.config }}
        - name: MILLRACE_CONFIG
          value: /etc/millrace/millrace.yaml
        {{- end }}
        {{- range $name, $value := merge (dict) ($values.env | default dict) $root.Values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      ports:
        - { name: http, containerPort: 8080 }
        {{- if eq .role "ingest" }}
        - { name: rtmp, containerPort: 1935 }
        {{- end }}
        {{- if .port }}
        {{- $host := ternary (printf ", hostPort: %v" .port) "" (eq $root.Values.webrtc.mode "hostPort") }}
        - { name: webrtc-udp, containerPort: {{ .port }}, protocol: UDP{{ $host }} }
        - { name: webrtc-tcp, containerPort: {{ .port }}, protocol: TCP{{ $host }} }
        {{- end }}
      startupProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 2
        failureThreshold: 60
      # A process that waits for NATS is not ready, but alive: it is not helped by being killed.
      livenessProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: http }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      # Until load balancers have heard of it, requests still come.
      lifecycle:
        preStop: { exec: { command: [sleep, '5'] } }
      resources: {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: tmp, mountPath: /tmp }
        {{- if $root.Values.config }}
        - { name: config, mountPath: /etc/millrace, readOnly: true }
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: {} }
    {{- if not .claim }}
    - { name: data, emptyDir: {} }
    {{- end }}
    {{- if $root.Values.config }}
    - name: config
      configMap: { name: {{ include "millrace.name" $root }} }
    {{- end }}
{{- end }}
