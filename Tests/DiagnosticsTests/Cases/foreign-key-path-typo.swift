import Moldau

func foreignKeyPathTypo(_ s: StreamsBuilder) {
    _ = s.table(orders).join(s.table(customers), on: \.custommer) { o, c in c }
}
