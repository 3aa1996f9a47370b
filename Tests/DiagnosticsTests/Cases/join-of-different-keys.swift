import Moldau

func joinOfDifferentKeys(_ s: StreamsBuilder) {
    _ = s.stream(numbered).join(s.table(customers)) { l, r in l + r }
}
