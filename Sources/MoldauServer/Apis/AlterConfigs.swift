// AlterConfigs (33): replaces all settings of topics. The broker's own settings are fixed at its start, and no request
// changes them.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension AlterConfigsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<AlterConfigsResponse>) {
        call.answer(
            AlterConfigsResponse {
                $0.responses = resources.map { resource in
                    var result = AlterConfigsResponse.Resource()
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
        var wanted: [String: String] = [:]
        for setting in resource.configs {
            guard let value = setting.value else {
                return (.invalidRequest, "Null value not supported for : \(setting.name)")
            }
            wanted[setting.name] = value
        }
        do throws(BrokerError) {
            try service.broker.replaceSettings(ofTopic: name, with: wanted, validateOnly: validateOnly)
            return (.none, nil)
        } catch {
            return (ErrorCode(error), error.reason)
        }
    }
}
