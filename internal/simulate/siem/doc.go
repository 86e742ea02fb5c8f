// Package siem is a stand-in for the receivers that take logs over HTTP: Splunk's HTTP Event Collector with and without
// indexer acknowledgement, the bulk API of Elasticsearch and OpenSearch, Microsoft Sentinel's Logs Ingestion API, Google
// SecOps' log import, Datadog's log intake. It follows the vendors' public pages:
//
//   - https://docs.splunk.com/Documentation/Splunk/latest/Data/AboutHECIDXAck and …/Data/TroubleshootHTTPEventCollector
//   - https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
//   - https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview
//   - https://cloud.google.com/chronicle/docs/reference/rest/v1beta/projects.locations.instances.logTypes.logs/import
//   - https://docs.datadoghq.com/api/latest/logs/send-logs/
//
// including what hurts: an acknowledgement that is forgotten once it was read, a success of which single items failed, logs
// that are cut although the answer is a success, and, asked for, the faults of [Fault].
//
// It promises: nothing is durable; what was accepted is held in memory, by its id, until [SIEM.Forget], and how often each
// came is counted. Order is not kept. Which requests meet a fault depends on the seed and the number of the request alone. A
// [SIEM] and a [Server] are safe for concurrent use.
package siem
