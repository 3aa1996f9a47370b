/// The JSON Schemas of the console's answers (JSON Schema 2020-12).
enum OpenAPISchemas {
    static let text = #"""
        {
        "Error": {"type": "object", "required": ["error", "kind"], "additionalProperties": false, "properties": {
            "error": {"type": "string", "description": "What to do, as a sentence."},
            "kind": {"type": "string", "description": "The same for programs: unknownStore, badParameter, …"},
            "task": {"type": "string"},
            "host": {"type": ["string", "null"], "description": "Which process has the task: HOST:PORT."}}},
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
        "State": {"enum": ["created", "rebalancing", "running", "pendingShutdown", "notRunning", "error"]},
        "Task": {"type": "string", "pattern": "^-?[0-9]+_[0-9]+$"},
        "Time": {"type": "integer", "description": "Milliseconds since 1970."},
        "TopicPartition": {"type": "object", "required": ["topic", "partition"], "additionalProperties": false,
            "properties": {"topic": {"type": "string"}, "partition": {"type": "integer", "minimum": 0}}},
        "Readiness": {"type": "object", "required": ["state", "ready"], "additionalProperties": false, "properties": {
            "state": {"$ref": "#/components/schemas/State"}, "ready": {"type": "boolean"},
            "reason": {"type": "string"}}},

        "Topology": {"type": "object", "required": ["application", "subtopologies", "stores", "topics", "text"],
            "additionalProperties": false, "properties": {
            "application": {"type": "string"},
            "subtopologies": {"type": "array", "items": {"type": "object", "required": ["number", "isGlobal", "nodes"],
                "additionalProperties": false, "properties": {
                "number": {"type": "integer"}, "isGlobal": {"type": "boolean"},
                "nodes": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}}},
            "stores": {"type": "array", "items": {"$ref": "#/components/schemas/Store"}},
            "topics": {"type": "array", "items": {"$ref": "#/components/schemas/Topic"}},
            "text": {"type": "string", "description": "In the format of Kafka Streams."}}},
        "Node": {"type": "object",
            "required": ["name", "role", "operation", "topics", "stores", "successors"],
            "additionalProperties": false, "properties": {
            "name": {"type": "string"}, "role": {"enum": ["source", "processor", "sink"]},
            "operation": {"type": "string"}, "pattern": {"type": "string"},
            "topics": {"type": "array", "items": {"type": "string"}},
            "stores": {"type": "array", "items": {"type": "string"}},
            "successors": {"type": "array", "items": {"type": "string"}}}},
        "Store": {"type": "object",
            "required": ["name", "kind", "isGlobal", "isQueryable", "subtopology", "users"],
            "additionalProperties": false, "properties": {
            "name": {"type": "string"},
            "kind": {"enum": ["table", "keyValue", "window", "session", "versioned", "lru", "joinBuffer", "suppress",
                "buffer"]},
            "keyFormat": {"type": "string"}, "valueFormat": {"type": "string"}, "changelog": {"type": "string"},
            "isGlobal": {"type": "boolean"}, "isQueryable": {"type": "boolean"}, "subtopology": {"type": "integer"},
            "users": {"type": "array", "items": {"type": "string"}},
            "retentionMs": {"type": "integer"}, "windowMs": {"type": "integer"}}},
        "Stores": {"type": "object", "required": ["stores"], "additionalProperties": false, "properties": {
            "stores": {"type": "array", "items": {"$ref": "#/components/schemas/Store"}}}},
        "Topic": {"type": "object", "required": ["name", "role"], "additionalProperties": false, "properties": {
            "name": {"type": "string"},
            "role": {"enum": ["input", "output", "repartition", "changelog", "global"]},
            "partitions": {"type": "integer", "minimum": 1}}},
        "Topics": {"type": "object", "required": ["topics"], "additionalProperties": false, "properties": {
            "topics": {"type": "array", "items": {"$ref": "#/components/schemas/Topic"}}}},

        "Status": {"type": "object",
            "required": ["application", "state", "isPaused", "now", "guarantee", "processed", "commits", "restored",
                "threads", "tasks", "restores", "hosts"],
            "additionalProperties": false, "properties": {
            "application": {"type": "string"}, "state": {"$ref": "#/components/schemas/State"},
            "isPaused": {"type": "boolean"}, "startedAt": {"$ref": "#/components/schemas/Time"},
            "now": {"$ref": "#/components/schemas/Time"}, "guarantee": {"enum": ["exactlyOnce", "atLeastOnce"]},
            "processed": {"type": "integer"}, "commits": {"type": "integer"}, "restored": {"type": "integer"},
            "threads": {"type": "array", "items": {"type": "object",
                "required": ["name", "isAlive", "tasks", "standbys"], "additionalProperties": false, "properties": {
                "name": {"type": "string"}, "isAlive": {"type": "boolean"},
                "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
                "standbys": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}}}}},
            "tasks": {"type": "array", "items": {"type": "object",
                "required": ["id", "thread", "partitions", "waitsFor", "inFlight"], "additionalProperties": false,
                "properties": {
                "id": {"$ref": "#/components/schemas/Task"}, "thread": {"type": "string"},
                "partitions": {"type": "array", "items": {"type": "object", "required": ["topic", "partition"],
                    "additionalProperties": false, "properties": {
                    "topic": {"type": "string"}, "partition": {"type": "integer"}, "position": {"type": "integer"},
                    "end": {"type": "integer"}, "lag": {"type": "integer"}, "lagMs": {"type": "integer"}}}},
                "waitsFor": {"type": "array", "items": {"$ref": "#/components/schemas/TopicPartition"}},
                "inFlight": {"type": "integer"}}}},
            "restores": {"type": "array", "items": {"type": "object",
                "required": ["store", "topic", "partition", "remaining", "isStandby"], "additionalProperties": false,
                "properties": {
                "store": {"type": "string"}, "topic": {"type": "string"}, "partition": {"type": "integer"},
                "remaining": {"type": "integer"}, "isStandby": {"type": "boolean"}}}},
            "memory": {"$ref": "#/components/schemas/Memory"},
            "disk": {"$ref": "#/components/schemas/Disk"},
            "hosts": {"type": "object",
                "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}}}}},
        "Memory": {"type": "object", "required": ["usedBytes", "budgetBytes"], "additionalProperties": false,
            "properties": {"usedBytes": {"type": "integer"}, "budgetBytes": {"type": "integer"}}},
        "Disk": {"type": "object", "required": ["storeBytes"], "additionalProperties": false,
            "properties": {"storeBytes": {"type": "integer", "description": "The files of this process's stores."},
                "topicBytes": {"type": "integer", "description": "Topics of a broker in this process."},
                "freeBytes": {"type": "integer", "description": "Left on the file system of the stores."},
                "totalBytes": {"type": "integer"}}},
        "Events": {"type": "object", "required": ["events"], "additionalProperties": false, "properties": {
            "events": {"type": "array", "maxItems": 500, "items": {"type": "object",
                "required": ["time", "kind", "text"], "additionalProperties": false, "properties": {
                "time": {"$ref": "#/components/schemas/Time"},
                "kind": {"enum": ["state", "rebalance", "commit", "thread", "restore", "failure"]},
                "text": {"type": "string"}}}}}},
        "LagReport": {"type": "object", "required": ["groups"], "additionalProperties": false, "properties": {
            "groups": {"type": "array", "items": {"type": "object", "required": ["group", "lag", "partitions"],
                "additionalProperties": false, "properties": {
                "group": {"type": "string"}, "lag": {"type": "integer"},
                "judgement": {"$ref": "#/components/schemas/Judgement"},
                "partitions": {"type": "array", "items": {"type": "object",
                    "required": ["topic", "partition", "committed", "end", "lag", "reason", "complete"],
                    "additionalProperties": false, "properties": {
                    "topic": {"type": "string"}, "partition": {"type": "integer"}, "committed": {"type": "integer"},
                    "end": {"type": "integer"}, "lag": {"type": "integer"},
                    "judgement": {"$ref": "#/components/schemas/Judgement"}, "reason": {"type": "string"},
                    "complete": {"type": "number", "minimum": 0, "maximum": 1}}}}}}}}},
        "Judgement": {"enum": ["ok", "warning", "stop", "stall", "rewind"],
            "description": "Missing while there are too few samples."},
        "Update": {"type": "object",
            "required": ["now", "state", "isPaused", "processed", "commits", "nodes", "lag", "restoring", "reasons"],
            "additionalProperties": false, "properties": {
            "now": {"$ref": "#/components/schemas/Time"}, "state": {"$ref": "#/components/schemas/State"},
            "isPaused": {"type": "boolean"}, "processed": {"type": "integer"}, "commits": {"type": "integer"},
            "nodes": {"type": "array", "items": {"type": "object", "required": ["name", "in", "out", "drops"],
                "additionalProperties": false, "properties": {"name": {"type": "string"}, "in": {"type": "integer"},
                "out": {"type": "integer"}, "drops": {"type": "integer"}}}},
            "lag": {"type": "integer"}, "restoring": {"type": "integer"},
            "memory": {"$ref": "#/components/schemas/Memory"},
            "reasons": {"type": "array", "items": {"type": "object", "required": ["kind", "sentence"],
                "additionalProperties": false, "properties": {"kind": {"type": "string"},
                "sentence": {"type": "string"}, "node": {"type": "string"},
                "task": {"$ref": "#/components/schemas/Task"}}}}}},

        "Explained": {"anyOf": [
            {"$ref": "#/components/schemas/Explanation"}, {"$ref": "#/components/schemas/KeyExplanation"}]},
        "Explanation": {"type": "object", "required": ["application", "state", "reasons", "nodes"],
            "additionalProperties": false, "properties": {
            "application": {"type": "string"}, "state": {"$ref": "#/components/schemas/State"},
            "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
            "nodes": {"type": "array", "items": {"type": "object",
                "required": ["name", "operation", "recordsIn", "recordsOut", "drops"], "additionalProperties": false,
                "properties": {
                "name": {"type": "string"}, "operation": {"type": "string"}, "recordsIn": {"type": "integer"},
                "recordsOut": {"type": "integer"},
                "drops": {"type": "array", "items": {"type": "object",
                    "required": ["reason", "count", "first", "last", "samples"], "additionalProperties": false,
                    "properties": {
                    "reason": {"type": "string"}, "count": {"type": "integer"},
                    "first": {"$ref": "#/components/schemas/Time"}, "last": {"$ref": "#/components/schemas/Time"},
                    "samples": {"type": "array", "items": {"type": "object",
                        "required": ["partition", "offset", "time"], "additionalProperties": false, "properties": {
                        "partition": {"$ref": "#/components/schemas/TopicPartition"}, "offset": {"type": "integer"},
                        "time": {"$ref": "#/components/schemas/Time"}, "key": {"type": "string"},
                        "value": {"type": "string"}}}}}}}}}}}},
        "Reason": {"type": "object", "required": ["kind", "sentence", "page"], "additionalProperties": false,
            "properties": {
            "kind": {"type": "string"}, "sentence": {"type": "string"}, "page": {"type": "string"},
            "node": {"type": "string"}, "task": {"$ref": "#/components/schemas/Task"},
            "partition": {"$ref": "#/components/schemas/TopicPartition"}, "drop": {"type": "string"},
            "count": {"type": "integer"}, "streamTime": {"$ref": "#/components/schemas/Time"},
            "due": {"$ref": "#/components/schemas/Time"}, "since": {"$ref": "#/components/schemas/Time"}}},
        "KeyExplanation": {"type": "object", "required": ["store", "key", "isHere", "hasValue", "reasons"],
            "additionalProperties": false, "properties": {
            "store": {"type": "string"}, "key": {"type": "string"}, "partition": {"type": "integer"},
            "task": {"$ref": "#/components/schemas/Task"}, "isHere": {"type": "boolean"},
            "hasValue": {"type": "boolean"},
            "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}}}},

        "Position": {"type": "array", "items": {"type": "object", "required": ["topic", "partition", "offset"],
            "additionalProperties": false, "properties": {
            "topic": {"type": "string"}, "partition": {"type": "integer"}, "offset": {"type": "integer"}}}},
        "Lags": {"type": "array", "items": {"type": "object",
            "required": ["store", "topic", "partition", "remaining", "isStandby"], "additionalProperties": false,
            "properties": {
            "store": {"type": "string"}, "topic": {"type": "string"}, "partition": {"type": "integer"},
            "remaining": {"type": "integer"}, "isStandby": {"type": "boolean"}}}},
        "Row": {"type": "object", "required": ["key", "value", "found", "position", "ageMs", "lag"],
            "additionalProperties": false, "properties": {
            "key": {}, "value": {}, "start": {"$ref": "#/components/schemas/Time"},
            "end": {"$ref": "#/components/schemas/Time"}, "timestamp": {"$ref": "#/components/schemas/Time"},
            "validTo": {"$ref": "#/components/schemas/Time"}, "found": {"type": "boolean"},
            "position": {"$ref": "#/components/schemas/Position"}, "ageMs": {"type": "integer"},
            "lag": {"$ref": "#/components/schemas/Lags"}}},
        "Page": {"type": "object", "required": ["entries", "next", "position", "ageMs", "lag"],
            "additionalProperties": false, "properties": {
            "entries": {"type": "array", "maxItems": 1000, "items": {"type": "object", "required": ["key", "value"],
                "additionalProperties": false, "properties": {
                "key": {}, "value": {}, "start": {"$ref": "#/components/schemas/Time"},
                "end": {"$ref": "#/components/schemas/Time"}, "timestamp": {"$ref": "#/components/schemas/Time"}}}},
            "next": {"type": ["string", "null"], "description": "To be given as 'after'."},
            "position": {"$ref": "#/components/schemas/Position"}, "ageMs": {"type": "integer"},
            "lag": {"$ref": "#/components/schemas/Lags"}}},
        "Records": {"type": "object", "required": ["records", "begin", "end", "next"], "additionalProperties": false,
            "properties": {
            "records": {"type": "array", "maxItems": 500, "items": {"type": "object",
                "required": ["partition", "offset", "timestamp", "key", "value", "headers"],
                "additionalProperties": false, "properties": {
                "partition": {"type": "integer"}, "offset": {"type": "integer"},
                "timestamp": {"$ref": "#/components/schemas/Time"},
                "key": {"$ref": "#/components/schemas/Bytes"}, "value": {"$ref": "#/components/schemas/Bytes"},
                "headers": {"type": "array", "items": {"type": "object", "required": ["name", "value"],
                    "additionalProperties": false, "properties": {"name": {"type": "string"},
                    "value": {"$ref": "#/components/schemas/Bytes"}}}}}}},
            "begin": {"type": "integer"}, "end": {"type": "integer"}, "next": {"type": "integer"}}},
        "Change": {"type": "object", "required": ["key", "value", "timestamp", "partition", "offset"],
            "additionalProperties": false, "properties": {
            "key": {}, "start": {"$ref": "#/components/schemas/Time"}, "end": {"$ref": "#/components/schemas/Time"},
            "value": {"description": "null for a row that was deleted."},
            "timestamp": {"$ref": "#/components/schemas/Time"},
            "partition": {"type": "integer"}, "offset": {"type": "integer"}}},
        "Dropped": {"type": "object", "required": ["count"], "additionalProperties": false, "properties": {
            "count": {"type": "integer", "minimum": 1, "description": "How many events were left out."}}},
        "Bytes": {"anyOf": [{"type": ["string", "null"]}, {"type": "object", "required": ["hex"],
            "additionalProperties": false, "properties": {"hex": {"type": "string", "pattern": "^([0-9a-f]{2})*$"}}}]}
        }
        """#
}
