import Moldau

func versionedWindows(_ s: StreamsBuilder, _ name: VersionedStoreName<String, Int64>) {
    _ = s.stream(orders).groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count(as: name)
}
