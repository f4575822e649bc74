{{- define "nbcoach.labels" -}}
app: nbcoach
component: {{ .part }}
{{- end }}

{{- define "nbcoach.image" -}}
{{ .root.Values.image.registry }}/{{ .image }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "nbcoach.pod" -}}
automountServiceAccountToken: false
# The pod's own first process takes care of orphans, which a service that was the first process would not.
shareProcessNamespace: true
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile: {{ toJson (.seccompProfile | default (dict "type" "RuntimeDefault")) }}
{{- end }}

{{- define "nbcoach.container" -}}
image: {{ include "nbcoach.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
ports:
  - { name: http, containerPort: {{ .port }} }
readinessProbe:
  httpGet: { path: /services/{{ .part }}/health, port: http }
  periodSeconds: 10
  timeoutSeconds: 6
livenessProbe:
  # That the port answers: a store that is away for a while is no reason to lose warm notebooks.
  tcpSocket: { port: http }
  initialDelaySeconds: 60
  periodSeconds: 20
{{- end }}

{{- define "nbcoach.environment" -}}
- { name: JUPYTERHUB_API_URL, value: {{ .root.Values.hub.apiUrl }} }
- { name: JUPYTERHUB_SERVICE_NAME, value: {{ .part }} }
- { name: JUPYTERHUB_SERVICE_URL, value: "http://0.0.0.0:{{ .port }}" }
- name: JUPYTERHUB_API_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .root.Values.secretName }}, key: {{ .part }}-token } }
{{- end }}

{{- define "nbcoach.store" -}}
- name: NBCOACH_STORE_URL
  valueFrom: { secretKeyRef: { name: {{ .root.Values.secretName }}, key: mongodb-uri } }
- name: NBCOACH_KEYS
  valueFrom: { secretKeyRef: { name: {{ .root.Values.secretName }}, key: keys } }
{{- end }}

{{- define "nbcoach.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: nbcoach-{{ .part }}
  labels: {{- include "nbcoach.labels" . | nindent 4 }}
spec:
  selector: {{- include "nbcoach.labels" . | nindent 4 }}
  ports:
    - { name: http, port: {{ .port }}, targetPort: http }
{{- end }}
