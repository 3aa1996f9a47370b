public import MoldauRecords

extension AdminOptions: NamedSettings {
    public static let namedSettings: [NamedSetting<AdminOptions>] = [
        .milliseconds("default.api.timeout.ms", \.apiTimeout, from: 1)
    ]
}
