// DescribeConfigs (32): the settings of topics (2) and of this broker (4).
//
// Other resources have no settings here. Documentation is not available (null).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DescribeConfigsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeConfigsResponse>) {
        call.answer(DescribeConfigsResponse { $0.results = resources.map { describe($0, service) } })
    }

    private func describe<Files: FileSystem>(
        _ resource: Resource, _ service: RequestService<Files>
    ) -> DescribeConfigsResponse.Result {
        var result = DescribeConfigsResponse.Result()
        (result.resourceType, result.resourceName) = (resource.resourceType, resource.resourceName)
        do throws(BrokerError) {
            let entries: [ConfigEntry]
            switch ConfigResource(resource.resourceType, resource.resourceName) {
            case .topic(let name): entries = try service.broker.settings(ofTopic: name)
            case .broker: entries = service.broker.settings(knowing: service.options.settings)
            case .other(let reason):
                (result.errorCode, result.errorMessage) = (.invalidRequest, reason)
                return result
            }
            result.configs = entries.filter { resource.configurationKeys?.contains($0.name) ?? true }
                .map { .init($0, includeSynonyms) }
        } catch {
            (result.errorCode, result.errorMessage) = (ErrorCode(error), error.reason)
        }
        return result
    }
}

/// The owner of settings.
enum ConfigResource {
    case topic(String)
    case broker
    case other(reason: String)

    /// The resource of that type (by Kafka's numbers) and name; the defaults of all brokers have an empty name.
    init(_ type: Int8, _ name: String) {
        switch (type, name) {
        case (2, _): self = .topic(name)
        case (4, ""), (4, "1"): self = .broker
        case (4, _): self = .other(reason: "Unexpected broker id, expected 1 but received \(name)")
        default:
            self = .other(reason: "topics (2) and the broker (4) have settings; a resource of type \(type) has none")
        }
    }
}

extension DescribeConfigsResponse.Setting {
    fileprivate init(_ entry: ConfigEntry, _ includesSynonyms: Bool) {
        self.init {
            $0.name = entry.name
            $0.value = entry.value
            $0.readOnly = entry.isReadOnly
            $0.isDefault = entry.source == .defaultValue
            $0.configSource = entry.source.rawValue
            $0.isSensitive = entry.isSensitive
            $0.configType = entry.kind.rawValue
            if includesSynonyms {
                $0.synonyms = entry.synonyms.map { synonym in
                    DescribeConfigsResponse.Synonym {
                        $0.name = synonym.name
                        $0.value = synonym.value
                        $0.source = synonym.source.rawValue
                    }
                }
            }
        }
    }
}
