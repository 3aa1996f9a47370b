// IncrementalAlterConfigs (44): changes some settings of topics; see AlterConfigs.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension IncrementalAlterConfigsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<IncrementalAlterConfigsResponse>) {
        call.answer(
            IncrementalAlterConfigsResponse {
                $0.responses = resources.map { resource in
                    var result = IncrementalAlterConfigsResponse.Resource()
                    (result.resourceType, result.resourceName) = (resource.resourceType, resource.resourceName)
                    (result.errorCode, result.errorMessage) = alter(resource, service)
                    return result
                }
            })
    }

    private func alter<Files: FileSystem>(
        _ resource: Resource, _ service: RequestService<Files>
    ) -> (ErrorCode, String?) {
        guard case .topic(let name) = ConfigResource(resource.resourceType, resource.resourceName) else {
            return (.invalidRequest, "only the settings of topics can be changed by a request")
        }
        guard Set(resource.configs.map(\.name)).count == resource.configs.count else {
            return (.invalidRequest, "Error due to duplicate config keys")
        }
        var changes: [ConfigChange] = []
        for setting in resource.configs {
            guard let operation = ConfigChange.Operation(rawValue: setting.configOperation) else {
                return (.invalidRequest, "Unknown operation: \(setting.configOperation)")
            }
            changes.append(ConfigChange(operation, setting.name, setting.value))
        }
        do throws(BrokerError) {
            try service.broker.changeSettings(ofTopic: name, changes, validateOnly: validateOnly)
            return (.none, nil)
        } catch {
            return (ErrorCode(error), error.reason)
        }
    }
}
