import Moldau

func toOfATable(_ s: StreamsBuilder) {
    _ = s.table(customers).to(customers)
}
